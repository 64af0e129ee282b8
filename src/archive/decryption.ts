import {
  decryptSessionKeys,
  enums,
  readMessage,
  type DecryptedSessionKey,
  type Message as OpenpgpMessage,
} from "openpgp";
import { LifeboatError } from "../errors.ts";
import { aesKeyBytes, cipherName, onlyGpgOpens } from "./foreign-cipher.ts";
import type { OpeningKeys } from "./format.ts";
import { contentOf, openMessage, type KeyKinds, type Locks, type Message } from "./message.ts";
import { openOwnLock, ownLock } from "./own-lock.ts";
import { openKeyRing } from "./private-keys.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Opens an encrypted stream. Resolves once a key fits; then gives what is inside, which is authentic only when its
 * end has been reached. Rejects with "wrong-key" when no key fits, with "verification-failed" when it is damaged, and
 * with "failed" when only another program opens it.
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

/** The key of the message's data, one of AES. Rejects as `decrypted` does when none of `keys` gives it. */
export async function sessionKeyOf({ locks, data }: Message, keys: OpeningKeys): Promise<Uint8Array> {
  if (keys.sessionKey && data.mayOpenWith(keys.sessionKey)) return keys.sessionKey;
  const passphrase = locks.kinds.has("passphrase") ? keys.passphrase : undefined;
  const lock = passphrase && ownLock(locks.bytes);
  if (lock) {
    const sessionKey = openOwnLock(lock, passphrase.reveal());
    if (sessionKey && data.mayOpenWith(sessionKey)) return sessionKey;
    throw wrongKey(locks.kinds);
  }
  const usesPrivateKeys = locks.kinds.has("public-key") && (keys.privateKeys?.length ?? 0) > 0;
  if (!passphrase && !usesPrivateKeys) throw missingKey(locks.kinds);
  const ring = usesPrivateKeys ? await openKeyRing(keys, (await messageOf(locks)).getEncryptionKeyIDs()) : undefined;
  const candidates = [
    ...(passphrase ? await sessionKeys(locks, { passwords: passphrase.reveal() }) : []),
    ...(ring?.unlocked.length ? await sessionKeys(locks, { decryptionKeys: [...ring.unlocked] }) : []),
  ];
  // Several, as a wrong RSA key is only told from the right one by trying its result.
  const right = candidates.find((candidate) => isAes(candidate) && data.mayOpenWith(candidate.data));
  if (right) return right.data;
  throw foreignCipher(locks, candidates) ?? ring?.locked[0] ?? wrongKey(locks.kinds);
}

async function messageOf(locks: Locks): Promise<OpenpgpMessage<Uint8Array>> {
  try {
    return await readMessage({ binaryMessage: locks.bytes });
  } catch (error) {
    throw new LifeboatError("verification-failed", "what locks the encrypted data is damaged", { cause: error });
  }
}

type Attempt = Pick<Parameters<typeof decryptSessionKeys>[0], "passwords" | "decryptionKeys">;

/** What the session key may be. */
async function sessionKeys(locks: Locks, attempt: Attempt): Promise<DecryptedSessionKey[]> {
  const message = await messageOf(locks);
  try {
    return await decryptSessionKeys({ message, ...attempt });
  } catch (error) {
    const isOddCipher = error instanceof Error && /non-preferred symmetric algorithm/.test(error.message);
    if (isOddCipher) throw onlyGpgOpens("is encrypted with a cipher that the key does not ask for");
    // The caller tells that no key fits; openpgp's words for it ("Error decrypting session keys") add nothing.
    return [];
  }
}

/** The packets for OCB do not repeat what the data says of its cipher. */
function isAes({ algorithm, data }: DecryptedSessionKey): boolean {
  return algorithm ? aesKeyBytes(enums.symmetric[algorithm]) === data.length : true;
}

function foreignCipher(
  { kinds, passphraseCiphers }: Locks,
  opened: readonly DecryptedSessionKey[],
): LifeboatError | undefined {
  const named = [...passphraseCiphers].find((cipher) => aesKeyBytes(cipher) === undefined);
  // A wrong passphrase gives any cipher now and then; what a private key gives has a checksum.
  const other = kinds.has("passphrase") ? undefined : opened.find((key) => !isAes(key))?.algorithm;
  const cipher = named ?? (other ? enums.symmetric[other] : undefined);
  return cipher === undefined ? undefined : onlyGpgOpens(`is encrypted with ${cipherName(cipher)}`);
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
