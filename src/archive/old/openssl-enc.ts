import { createDecipheriv, createHash, pbkdf2Sync } from "node:crypto";
import { LifeboatError } from "../../errors.ts";
import type { Secret } from "../../system/secret.ts";
import type { Bytes } from "../through-child.ts";
import { contentOf } from "./content.ts";

/** What `openssl enc -salt` puts first; eight bytes of salt follow. */
export const SALTED = Buffer.from("Salted__");

/** Bytes of the beginning that `opensslEncDecrypted` must be given. */
export const OPENSSL_HEAD_BYTES = 16 + 512;

/**
 * Opens what `openssl enc -aes-256-cbc` made, with or without -pbkdf2, by OpenSSL 1.1 and later or before. The file
 * does not say how its key was made, and has no code that proves it authentic: the way is right that gives something
 * known. Throws "wrong-key" if none does. The stream fails with "verification-failed" if its padding is wrong at the
 * end; what else was changed in it does not show here. `head`: the first bytes of `sealed`.
 */
export function opensslEncDecrypted(head: Buffer, sealed: Bytes, passphrase: Secret): Bytes {
  const salt = head.subarray(SALTED.length, 16);
  const secret = Buffer.from(passphrase.reveal());
  const keys = [
    pbkdf2Sync(secret, salt, OPENSSL_ITERATIONS, KEY_BYTES + IV_BYTES, "sha256"),
    bytesToKey("sha256", secret, salt),
    bytesToKey("md5", secret, salt),
  ];
  const isWhole = head.length < OPENSSL_HEAD_BYTES;
  const key = keys.find((candidate) => isRight(candidate, head.subarray(16), isWhole));
  if (key) return decipheredFrom(sealed, key);
  throw new LifeboatError("wrong-key", "the passphrase is wrong, or this is nothing that backups are made of", {
    hint:
      "Tried: -aes-256-cbc with -pbkdf2 (10000 rounds of SHA-256), and without it with SHA-256 and MD5. " +
      "Set GPG_PASSPHRASE to the BACKUP_ENCRYPTION_KEY of then.",
  });
}

const KEY_BYTES = 32;
const IV_BYTES = 16;
/** What -pbkdf2 means without -iter. */
const OPENSSL_ITERATIONS = 10_000;

/** OpenSSL's EVP_BytesToKey with one round: D1 = H(secret, salt), D2 = H(D1, secret, salt), … */
function bytesToKey(algorithm: "sha256" | "md5", secret: Buffer, salt: Buffer): Buffer {
  const made: Buffer[] = [];
  for (let bytes = 0; bytes < KEY_BYTES + IV_BYTES;) {
    const digest = createHash(algorithm)
      .update(made.at(-1) ?? Buffer.alloc(0))
      .update(secret)
      .update(salt)
      .digest();
    made.push(digest);
    bytes += digest.length;
  }
  return Buffer.concat(made).subarray(0, KEY_BYTES + IV_BYTES);
}

function isRight(key: Buffer, sealed: Buffer, isWhole: boolean): boolean {
  const decipher = decipherOf(key);
  try {
    if (isWhole) return contentOf(Buffer.concat([decipher.update(sealed), decipher.final()])) !== undefined;
    decipher.setAutoPadding(false);
    return contentOf(decipher.update(sealed.subarray(0, sealed.length - (sealed.length % 16)))) !== undefined;
  } catch {
    return false; // The padding of a short file: another way may be right.
  }
}

async function* decipheredFrom(sealed: Bytes, key: Buffer): AsyncGenerator<Buffer, void> {
  const decipher = decipherOf(key);
  let toSkip = 16;
  for await (const bytes of sealed) {
    const skipped = Math.min(toSkip, bytes.length);
    toSkip -= skipped;
    const clear = decipher.update(bytes.subarray(skipped));
    if (clear.length > 0) yield clear;
  }
  let last: Buffer;
  try {
    last = decipher.final();
  } catch (error) {
    throw new LifeboatError("verification-failed", "the encrypted data is damaged or cut off", { cause: error });
  }
  if (last.length > 0) yield last;
}

function decipherOf(key: Buffer) {
  return createDecipheriv("aes-256-cbc", key.subarray(0, KEY_BYTES), key.subarray(KEY_BYTES));
}
