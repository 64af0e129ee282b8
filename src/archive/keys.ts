import { readKeys, type Key } from "openpgp";
import { LifeboatError } from "../errors.ts";
import { systemClock } from "../system/clock.ts";
import type { SealingKey } from "./format.ts";

/** Someone who can open what is sealed from now on. */
export interface Recipient {
  /** Of the primary key, upper-case hex, as gpg shows it. */
  readonly fingerprint: string;
  /** When encrypting to it will stop working; undefined if never. */
  readonly expiresAt?: Date;
}

/**
 * Checks that `key` can be sealed to, today. Resolves with the recipients (none unless it is public keys).
 * Rejects with "settings" for keys that are unreadable, expired, revoked, private, or cannot be encrypted to.
 */
export async function inspectSealingKey(key: SealingKey): Promise<{ readonly recipients: readonly Recipient[] }> {
  if (key.kind !== "public-keys") return { recipients: [] };
  const keys = await readSealingKeys(key.armored);
  return { recipients: await Promise.all(keys.map(inspectKey)) };
}

/** The public keys of armored blocks; each block may hold several. Rejects with "settings" if one is unreadable. */
export async function readSealingKeys(armored: readonly string[]): Promise<Key[]> {
  const keys: Key[] = [];
  for (const armoredKeys of armored) {
    try {
      keys.push(...(await readKeys({ armoredKeys })));
    } catch (error) {
      throw new LifeboatError("settings", "a public key cannot be read", {
        hint: "Give what `gpg --armor --export FINGERPRINT` prints, all lines of it.",
        cause: error,
      });
    }
  }
  if (keys.length === 0) throw new LifeboatError("settings", "no public key was given");
  return keys;
}

async function inspectKey(key: Key): Promise<Recipient> {
  const fingerprint = key.getFingerprint().toUpperCase();
  const named = `key '${fingerprint}'`;
  if (key.isPrivate()) {
    throw new LifeboatError("settings", `${named} is a private key where a public one is meant`, {
      hint: "Keep the private key off this machine, and give what `gpg --armor --export` prints for it.",
    });
  }
  if (await key.isRevoked()) throw new LifeboatError("settings", `${named} has been revoked`, { hint: REPLACE });
  const expiresAt = await key.getExpirationTime();
  if (expiresAt instanceof Date && expiresAt <= systemClock.now()) throw expired(named, expiresAt);
  try {
    const subkey = await key.getEncryptionKey();
    const ends = [expiresAt, await subkey.getExpirationTime()].filter((end) => end instanceof Date);
    const soonest = ends.sort((a, b) => a.getTime() - b.getTime())[0];
    return { fingerprint, ...(soonest ? { expiresAt: soonest } : {}) };
  } catch (error) {
    throw new LifeboatError("settings", `${named} has no valid subkey to encrypt to`, { hint: REPLACE, cause: error });
  }
}

const REPLACE =
  "Export the key again if it has been renewed, or name another one. Old backups still need the old private key.";

function expired(named: string, expiresAt: Date): LifeboatError {
  return new LifeboatError("settings", `${named} expired on ${expiresAt.toISOString().slice(0, 10)}`, {
    hint: REPLACE,
  });
}
