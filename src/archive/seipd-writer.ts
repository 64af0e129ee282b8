import { createCipheriv, createHash, randomBytes } from "node:crypto";
import type { Bytes } from "./through-child.ts";

/**
 * The OpenPGP packets that carry the data, written here because `openpgp` takes twice the time for them: a
 * Symmetrically Encrypted Integrity Protected Data packet, version 1 (RFC 9580, 5.13.1), around one literal data
 * packet of binary data without name or date. AES-256 in CFB mode. Both packets have partial lengths, so nothing is
 * held but one part. `sessionKey`: 32 bytes. The buffers given are only valid until the next one is asked for.
 */
export async function* encryptedData(plain: Bytes, sessionKey: Uint8Array): AsyncGenerator<Buffer, void> {
  yield Buffer.from([TAG_SEIPD]);
  yield* partialLengths(encryptedBody(plain, sessionKey));
}

async function* encryptedBody(plain: Bytes, sessionKey: Uint8Array): AsyncGenerator<Buffer, void> {
  const cipher = createCipheriv("aes-256-cfb", sessionKey, Buffer.alloc(16));
  const integrity = createHash("sha1");
  const encrypt = (bytes: Buffer) => {
    integrity.update(bytes);
    return cipher.update(bytes);
  };
  const random = randomBytes(16);
  yield Buffer.from([1]);
  yield encrypt(Buffer.concat([random, random.subarray(14), Buffer.from([TAG_LITERAL])]));
  for await (const bytes of partialLengths(literalBody(plain))) yield encrypt(bytes);
  yield encrypt(Buffer.from([TAG_MDC, 20]));
  yield cipher.update(integrity.digest());
  cipher.final();
}

async function* literalBody(plain: Bytes): AsyncGenerator<Buffer, void> {
  const binaryWithoutNameOrDate = Buffer.from([0x62, 0, 0, 0, 0, 0]);
  yield binaryWithoutNameOrDate;
  yield* plain;
}

/**
 * Cuts a packet's body into parts of one size, each with its length before it, and a last one with its own.
 * The buffer is filled anew for each part, so what this gives is only valid until more is asked for.
 */
async function* partialLengths(body: Bytes): AsyncGenerator<Buffer, void> {
  const part = Buffer.allocUnsafe(1 + PART_BYTES);
  part[0] = PARTIAL_LENGTH;
  let filled = 1;
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(part, filled, at);
      at += copied;
      filled += copied;
      if (filled < part.length) continue;
      yield part;
      filled = 1;
    }
  }
  const lastLength = Buffer.from([0xff, 0, 0, 0, 0]);
  lastLength.writeUInt32BE(filled - 1, 1);
  yield lastLength;
  yield part.subarray(1, filled);
}

const TAG_SEIPD = 0xc0 | 18;
const TAG_LITERAL = 0xc0 | 11;
const TAG_MDC = 0xc0 | 19;

const PART_EXPONENT = 18;
const PART_BYTES = 1 << PART_EXPONENT;
const PARTIAL_LENGTH = 0xe0 | PART_EXPONENT;
