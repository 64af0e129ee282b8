import { decryptSessionKeys, readMessage, type PrivateKey } from "openpgp";
import { LifeboatError } from "../errors.ts";
import type { Secret } from "../system/secret.ts";
import type { OpeningKeys } from "./format.ts";
import { unlockPrivateKeys } from "./keys.ts";
import { contentOf, openMessage, type KeyKinds, type Message } from "./message.ts";
import { openOwnLock, ownLock } from "./own-lock.ts";
import { opensWith } from "./seipd-reader.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Opens an encrypted stream. Resolves once a key fits; then gives what is inside, which is authentic only when its
 * end has been reached. Rejects with "wrong-key" when no key fits, with "verification-failed" when it is damaged.
 */
export async function decrypted(sealed: Bytes, keys: OpeningKeys): Promise<Bytes> {
  const message = await openMessage(sealed);
  try {
    return contentOf(message, await sessionKeyOf(message, keys));
  } catch (error) {
    await message.source.close();
    throw error;
  }
}

/** The key of the message's data (32 bytes). Rejects with "wrong-key" when none of `keys` gives it. */
export async function sessionKeyOf({ locks, kinds, prefix }: Message, keys: OpeningKeys): Promise<Uint8Array> {
  if (keys.sessionKey && opensWith(keys.sessionKey, prefix)) return keys.sessionKey;
  const candidates = await sessionKeys(locks, kinds, keys);
  const sessionKey = candidates.find((candidate) => opensWith(candidate, prefix));
  if (!sessionKey) throw wrongKey(kinds);
  return sessionKey;
}

/** What the session key may be: several, as a wrong RSA key is only told from the right one by trying its result. */
async function sessionKeys(packets: Buffer, kinds: KeyKinds, keys: OpeningKeys): Promise<Uint8Array[]> {
  const lock = keys.passphrase && ownLock(packets);
  if (lock && keys.passphrase) {
    const sessionKey = openOwnLock(lock, keys.passphrase.reveal());
    return sessionKey ? [sessionKey] : [];
  }
  const found: Uint8Array[] = [];
  const attempts = [
    ...(kinds.has("passphrase") && keys.passphrase ? [{ passwords: keys.passphrase.reveal() }] : []),
    ...(kinds.has("public-key") && keys.privateKeys?.length ? [{ decryptionKeys: await unlocked(keys) }] : []),
  ];
  if (attempts.length === 0) throw missingKey(kinds);
  for (const attempt of attempts) {
    try {
      const message = await readMessage({ binaryMessage: packets });
      const opened = await decryptSessionKeys({ message, ...attempt });
      found.push(...opened.filter(({ algorithm }) => algorithm === "aes256").map(({ data }) => data));
    } catch {
      // The caller tells that no key fits; openpgp's words for it ("Error decrypting session keys") add nothing.
    }
  }
  return found;
}

/** Unlocking a key takes longer than all the rest, so it is done once. */
const unlockedBefore = new WeakMap<object, { readonly by: Secret | undefined; readonly keys: Promise<PrivateKey[]> }>();

async function unlocked(keys: OpeningKeys): Promise<PrivateKey[]> {
  const { privateKeys = [], privateKeyPassphrase: by } = keys;
  const before = unlockedBefore.get(privateKeys);
  if (before && before.by === by) return await before.keys;
  const unlocking = unlockPrivateKeys(keys);
  unlockedBefore.set(privateKeys, { by, keys: unlocking });
  return await unlocking;
}

function wrongKey(kinds: KeyKinds): LifeboatError {
  const what = kinds.has("passphrase") ? "the passphrase is wrong" : "none of the private keys is the right one";
  return new LifeboatError("wrong-key", what, {
    hint: "Nothing was touched. Give the key that was in use when this backup was made.",
  });
}

function missingKey(kinds: KeyKinds): LifeboatError {
  const [what, setting] = kinds.has("passphrase")
    ? ["a passphrase is needed to open this", "GPG_PASSPHRASE"]
    : ["a private key is needed to open this", "GPG_PRIVATE_KEY"];
  return new LifeboatError("wrong-key", what, { hint: `Set ${setting} to the one this backup was made for.` });
}
