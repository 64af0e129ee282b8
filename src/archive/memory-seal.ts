import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/**
 * Seals bytes that are kept beside the state, not on a target: AES-256-GCM under a nonce by chance. `name` is bound to
 * them, so that what is kept under one name is not taken for another.
 */
export function sealForMemory(plain: Buffer, key: Buffer, name: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(name));
  const sealed = [cipher.update(plain), cipher.final()];
  return Buffer.concat([VERSION, nonce, cipher.getAuthTag(), ...sealed]);
}

/** What was sealed under that key and name; undefined if it was not, or not as it is now. */
export function openFromMemory(sealed: Buffer, key: Buffer, name: string): Buffer | undefined {
  if (sealed.length < HEAD_BYTES || !sealed.subarray(0, 1).equals(VERSION)) return undefined;
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(name))
    .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]);
  } catch {
    return undefined; // Another passphrase, or a file that was cut off: worth no more than none.
  }
}

const VERSION = Buffer.from([1]);
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = VERSION.length + NONCE_BYTES + TAG_BYTES;
