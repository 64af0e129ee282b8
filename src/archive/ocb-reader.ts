import { createDecipheriv } from "node:crypto";
import type { ByteSource } from "./byte-source.ts";
import type { EncryptedData } from "./encrypted-data.ts";
import { aesKeyBytes, cipherName, onlyGpgOpens } from "./foreign-cipher.ts";
import { malformedPacket } from "./packet.ts";

/**
 * The body of the packet that GnuPG since 2.3 makes for keys which ask for it, and with --force-ocb: AES in OCB, by
 * chunks, each with an authentication tag. Rejects with "verification-failed", and with "failed" for ciphers and modes
 * that only gpg opens.
 */
export async function ocbFrom(body: ByteSource): Promise<EncryptedData> {
  const settings = await body.take(4);
  const [version, cipher = 0, mode = 0, chunkOctet = 0] = settings;
  if (version !== 1) throw malformedPacket(`its version is ${version}, not 1`);
  const keyBytes = aesKeyBytes(cipher);
  if (keyBytes === undefined) throw onlyGpgOpens(`is encrypted with ${cipherName(cipher)}`);
  if (mode !== OCB) throw onlyGpgOpens(`is encrypted in the mode ${mode === EAX ? "EAX" : mode}`);
  if (chunkOctet > MAX_CHUNK_OCTET) throw malformedPacket("its parts are larger than they may be");
  const nonce = await body.take(NONCE_BYTES);
  return {
    mayOpenWith: (sessionKey) => sessionKey.length === keyBytes,
    packets: (sessionKey) => chunks(body, 2 ** (chunkOctet + 6), new Ocb(sessionKey, settings, nonce)),
  };
}

const EAX = 1;
const OCB = 2;
/** 4 MiB, the largest that RFC 9580 allows and what GnuPG takes. */
const MAX_CHUNK_OCTET = 16;
const NONCE_BYTES = 15;
const TAG_BYTES = 16;

/** Each chunk once its tag has been checked; the tag at the end tells that none is missing. */
async function* chunks(body: ByteSource, chunkBytes: number, ocb: Ocb): AsyncGenerator<Buffer, void> {
  let totalBytes = 0;
  let held: Buffer = Buffer.alloc(0);
  for (let index = 0; ; index++) {
    // With the tag of the chunk, and as much again that may be the tag at the end.
    const whole = chunkBytes + 2 * TAG_BYTES;
    held = await upTo(body, whole, held);
    const isLast = held.length < whole;
    const chunk = held.subarray(0, isLast ? Math.max(0, held.length - TAG_BYTES) : chunkBytes + TAG_BYTES);
    if (chunk.length > 0) {
      const clear = ocb.open(index, chunk);
      totalBytes += clear.length;
      yield clear;
    }
    held = held.subarray(chunk.length);
    if (!isLast) continue;
    ocb.open(chunk.length > 0 ? index + 1 : index, held, totalBytes);
    return;
  }
}

async function upTo(body: ByteSource, bytes: number, first: Buffer): Promise<Buffer> {
  const pieces = [first];
  for (let missing = bytes - first.length; missing > 0;) {
    const piece = await body.some(missing);
    if (!piece) break;
    pieces.push(piece);
    missing -= piece.length;
  }
  return Buffer.concat(pieces);
}

class Ocb {
  readonly #key: Uint8Array;
  readonly #settings: Buffer;
  readonly #nonce: Buffer;

  constructor(key: Uint8Array, settings: Buffer, nonce: Buffer) {
    this.#key = key;
    this.#settings = settings;
    this.#nonce = nonce;
  }

  /** What is in the chunk of that number, its tag at the end of it. `totalBytes`: of all, for the last tag. */
  open(index: number, sealed: Buffer, totalBytes?: number): Buffer {
    if (sealed.length < TAG_BYTES) throw malformedPacket("it ends too early");
    const decipher = createDecipheriv(`aes-${this.#key.length * 8}-ocb` as "aes-256-ocb", this.#key, this.#of(index), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(
      Buffer.concat([
        TAG_OCTET,
        this.#settings,
        octets(index),
        ...(totalBytes === undefined ? [] : [octets(totalBytes)]),
      ]),
    );
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const clear = decipher.update(sealed.subarray(0, -TAG_BYTES));
    try {
      return Buffer.concat([clear, decipher.final()]);
    } catch {
      throw malformedPacket(index === 0 ? "its first part does not prove authentic" : "a part of it is not authentic");
    }
  }

  #of(index: number): Buffer {
    const nonce = Buffer.from(this.#nonce);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(NONCE_BYTES - 8) ^ BigInt(index), NONCE_BYTES - 8);
    return nonce;
  }
}

/** The header of this packet, as if it were always written the new way. */
const TAG_OCTET = Buffer.from([0xd4]);

function octets(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
