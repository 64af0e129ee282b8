import { createDecipheriv, createHash } from "node:crypto";

/** What holds the session key of a message that this program locked with a passphrase (RFC 9580, 5.3.1). */
export interface OwnLock {
  readonly salt: Buffer;
  /** So many bytes are hashed (3.7.1.3). */
  readonly hashedBytes: number;
  readonly lockedKey: Buffer;
}

/** The only lock of a message, if it is of the form that this program writes; any other is for `openpgp` to open. */
export function ownLock(packets: Buffer): OwnLock | undefined {
  if (packets.length !== PACKET_BYTES || !packets.subarray(0, HEAD.length).equals(HEAD)) return undefined;
  const count = packets.readUInt8(HEAD.length + SALT_BYTES);
  return {
    salt: packets.subarray(HEAD.length, HEAD.length + SALT_BYTES),
    hashedBytes: (16 + (count & 15)) << ((count >> 4) + 6),
    lockedKey: packets.subarray(HEAD.length + SALT_BYTES + 1),
  };
}

/**
 * The session key that the passphrase gives; undefined if it is another passphrase. Takes some 12 ms. (`openpgp` hashes
 * one buffer of 16 MiB, which takes three times as long and as much again to clean up.)
 */
export function openOwnLock({ salt, hashedBytes, lockedKey }: OwnLock, passphrase: string): Buffer | undefined {
  const unit = Buffer.concat([salt, Buffer.from(passphrase, "utf8")]);
  const block = Buffer.alloc(unit.length * Math.ceil(BLOCK_BYTES / unit.length), unit);
  const hash = createHash("sha256");
  let left = Math.max(hashedBytes, unit.length);
  for (; left >= block.length; left -= block.length) hash.update(block);
  const key = hash.update(block.subarray(0, left)).digest();
  const opened = createDecipheriv("aes-256-cfb", key, NO_IV).update(lockedKey);
  return opened[0] === AES_256 ? opened.subarray(1) : undefined;
}

/** Fits into the caches of a processor. */
const BLOCK_BYTES = 64 * 1024;
const AES_256 = 9;
const ITERATED = 3;
const SHA_256 = 8;
const SALT_BYTES = 8;
/** Tag 3 and the length of what follows it, version 4, then how the key is made of the passphrase. */
const HEAD = Buffer.from([0xc3, 4 + SALT_BYTES + 1 + 33, 4, AES_256, ITERATED, SHA_256]);
const PACKET_BYTES = HEAD.length + SALT_BYTES + 1 + 33;
const NO_IV = Buffer.alloc(16);
