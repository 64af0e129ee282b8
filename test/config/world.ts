import { generateKeyPairSync } from "node:crypto";
import { readSettings, type Purpose, type ReadSettings, type World } from "../../src/config/read.ts";
import { SettingsError, type SettingProblem } from "../../src/config/problems.ts";

/** A machine with these folders and files, and nothing else. */
export function worldWith(
  files: Readonly<Record<string, string>> = {},
  more: Partial<Pick<World, "hostName" | "composeProject">> & { readonly folders?: readonly string[] } = {},
): World {
  const { folders = ["/backup", "/archive"], ...rest } = more;
  return {
    hostName: "box",
    ...rest,
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return text;
    },
    exists: (path) => path in files || folders.includes(path.replace(/\/\.$/, "")),
  };
}

/** Settings that are fine by themselves. */
export const fine = { GPG_PASSPHRASE: "correct horse battery" } as const;

export function read(env: Record<string, string>, world = worldWith(), purpose?: Purpose): ReadSettings {
  return readSettings(env, world, purpose);
}

/** The problems that reading `env` beside fine settings meets; none if it goes well. */
export function problemsOf(
  env: Record<string, string>,
  world = worldWith(),
  purpose?: Purpose,
): readonly SettingProblem[] {
  try {
    readSettings({ ...fine, ...env }, world, purpose);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

/** "NAME: problem → right" of the only problem there is. */
export function problemOf(env: Record<string, string>, world = worldWith(), purpose?: Purpose): string {
  const problems = problemsOf(env, world, purpose);
  return problems.map(({ name, problem, right }) => `${name}: ${problem} → ${right}`).join("\n");
}

/** A private key as rsync's ssh takes it. */
export const sshKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
  type: "pkcs1",
  format: "pem",
});

export const publicKey = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----";
export const privateKey = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabc\n-----END PGP PRIVATE KEY BLOCK-----";
