import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "./rig.ts";

/** GnuPG with a home of its own; its agent is ended with the test. */
export interface Gnupg {
  /** Runs gpg and gives what it printed. */
  gpg(args: readonly string[], input?: Buffer | string): Buffer;
  /** Makes a key and gives its armored public and private halves. `usage`: what of it may encrypt. */
  makeKey(user: string, algorithm: string, options?: { expires?: string; subkey?: string }): ArmoredKey;
  readonly home: string;
}

export interface ArmoredKey {
  readonly fingerprint: string;
  readonly publicKey: string;
  readonly privateKey: string;
}

export function startGnupg(t: TestContext): Gnupg {
  const home = join(temporaryFolder(t), "gnupg");
  mkdirSync(home, { mode: 0o700 });
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
    makeKey(user, algorithm, { expires = "never", subkey } = {}) {
      gpg(["--quick-generate-key", user, algorithm, subkey === undefined ? "sign" : "cert,sign", expires]);
      const listed = gpg(["--with-colons", "--list-keys", user]).toString();
      const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
      if (subkey) gpg(["--quick-add-key", fingerprint, subkey, "encr", expires]);
      return {
        fingerprint,
        publicKey: gpg(["--armor", "--export", fingerprint]).toString(),
        privateKey: gpg(["--armor", "--export-secret-keys", fingerprint]).toString(),
      };
    },
  };
}
