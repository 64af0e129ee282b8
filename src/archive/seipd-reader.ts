import { createDecipheriv, createHash } from "node:crypto";
import { ByteSource } from "./byte-source.ts";
import { decompressedPackets } from "./compressed-packet.ts";
import { malformedPacket, packetBody, readPacketHeader } from "./packet.ts";
import type { Bytes } from "./through-child.ts";

/** Version octet, random prefix and its last two bytes again. */
export const PREFIX_BYTES = 1 + 18;

/** True if `prefix`, the first bytes of an encrypted data packet, opens with that key: its check bytes agree. */
export function opensWith(sessionKey: Uint8Array, prefix: Buffer): boolean {
  const clear = createDecipheriv("aes-256-cfb", sessionKey, NO_IV).update(prefix.subarray(1));
  return clear.subarray(14, 16).equals(clear.subarray(16, 18));
}

/**
 * Opens the body of an encrypted data packet, version 1, and gives the content of the literal packet in it. What is
 * given is authentic only once the end is reached: then the integrity code has been checked. Rejects with
 * "verification-failed". `prefix`: the first PREFIX_BYTES of the body; `rest`: everything after them.
 */
export async function* decryptedData(
  prefix: Buffer,
  rest: Bytes,
  sessionKey: Uint8Array,
): AsyncGenerator<Buffer, void> {
  const inside = new ByteSource(authenticatedPackets(prefix, rest, sessionKey));
  try {
    const outer = await readPacketHeader(inside);
    const isCompressed = outer?.tag === COMPRESSED;
    const packets = isCompressed ? new ByteSource(decompressedPackets(packetBody(inside, outer))) : inside;
    const header = isCompressed ? await readPacketHeader(packets) : outer;
    if (header?.tag !== LITERAL) throw malformedPacket("it holds no literal data");
    const body = new ByteSource(packetBody(packets, header));
    const [, nameLength = 0] = await body.take(2);
    await body.take(nameLength + 4);
    for (let bytes = await body.some(Infinity); bytes; bytes = await body.some(Infinity)) yield bytes;
    // Also reads to the very end, where the integrity code is.
    if ((await packets.some(1)) || (await inside.some(1))) {
      throw malformedPacket("there is more than one packet in it");
    }
  } finally {
    await inside.close();
  }
}

async function* authenticatedPackets(
  prefix: Buffer,
  rest: Bytes,
  sessionKey: Uint8Array,
): AsyncGenerator<Buffer, void> {
  const decipher = createDecipheriv("aes-256-cfb", sessionKey, NO_IV);
  const integrity = createHash("sha1").update(decipher.update(prefix.subarray(1)));
  // The last bytes of all are the integrity packet; whatever may still turn out to be it is held back.
  let held: Buffer = Buffer.alloc(0);
  for await (const bytes of rest) {
    const clear = decipher.update(bytes);
    const [passed, kept] = clear.length < MDC_BYTES ? splitTail(Buffer.concat([held, clear])) : splitTail(clear);
    for (const piece of clear.length < MDC_BYTES ? [passed] : [held, passed]) {
      integrity.update(piece);
      yield piece;
    }
    held = kept;
  }
  decipher.final();
  const expected = integrity.update(held.subarray(0, 2)).digest();
  if (held.length < MDC_BYTES || held.readUInt16BE(0) !== MDC_HEADER || !expected.equals(held.subarray(2))) {
    throw malformedPacket("its integrity code does not match");
  }
}

/** Everything but the last bytes, and those, copied: the chunk they are a part of shall not be held with them. */
function splitTail(bytes: Buffer): [Buffer, Buffer] {
  const at = Math.max(0, bytes.length - MDC_BYTES);
  return [bytes.subarray(0, at), Buffer.from(bytes.subarray(at))];
}

const NO_IV = Buffer.alloc(16);
const COMPRESSED = 8;
const LITERAL = 11;
const MDC_BYTES = 22;
const MDC_HEADER = 0xd314;
