import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "./rig.ts";

/** GnuPG with a home of its own; its agent is ended with the test. */
export interface Gnupg {
  /** Runs gpg and gives what it printed. */
  gpg(args: readonly string[], input?: Buffer | string): Buffer;
  /** Makes a key, locked if there is a passphrase, and gives its armored halves. `subkey`: what of it may encrypt. */
  makeKey(
    user: string,
    algorithm: string,
    options?: { expires?: string; subkey?: string; passphrase?: string },
  ): ArmoredKey;
  readonly home: string;
}

export interface ArmoredKey {
  readonly fingerprint: string;
  readonly publicKey: string;
  readonly privateKey: string;
  /** The private subkeys alone, as of a primary key that is kept offline. */
  readonly privateSubkeys: string;
}

export function startGnupg(t: TestContext): Gnupg {
  const home = join(temporaryFolder(t), "gnupg");
  mkdirSync(home, { mode: 0o700 });
  // Otherwise the agent makes unlocking a key take a tenth of a second in C, and seconds in JavaScript.
  writeFileSync(join(home, "gpg-agent.conf"), "s2k-count 65536\n");
  const gpg = (args: readonly string[], input: Buffer | string = "") => {
    const options = [
      "--homedir",
      home,
      "--batch",
      "--quiet",
      "--yes",
      "--pinentry-mode",
      "loopback",
      "--passphrase",
      "",
    ];
    return execFileSync("gpg", [...options, ...args], { input, maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "pipe"] });
  };
  t.after(() => execFileSync("gpgconf", ["--homedir", home, "--kill", "all"]));
  return {
    home,
    gpg,
    makeKey(user, algorithm, { expires = "never", subkey, passphrase = "" } = {}) {
      const unlocking = ["--passphrase", passphrase];
      gpg([
        ...unlocking,
        "--quick-generate-key",
        user,
        algorithm,
        subkey === undefined ? "sign" : "cert,sign",
        expires,
      ]);
      const listed = gpg(["--with-colons", "--list-keys", user]).toString();
      const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
      if (subkey) gpg([...unlocking, "--quick-add-key", fingerprint, subkey, "encr", expires]);
      return {
        fingerprint,
        publicKey: gpg(["--armor", "--export", fingerprint]).toString(),
        privateKey: gpg([...unlocking, "--armor", "--export-secret-keys", fingerprint]).toString(),
        privateSubkeys: gpg([...unlocking, "--armor", "--export-secret-subkeys", fingerprint]).toString(),
      };
    },
  };
}
