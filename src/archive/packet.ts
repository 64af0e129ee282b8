import { LifeboatError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

/** The header of an OpenPGP packet (RFC 9580, 4.2). */
export interface PacketHeader {
  readonly tag: number;
  /** Of the body, or of its first part; Infinity: to the end of the stream, as GnuPG has it for compressed data. */
  readonly length: number;
  /** True if more parts follow, each with a length of its own. */
  readonly partial: boolean;
  /** The header itself, as read. */
  readonly bytes: Buffer;
}

/** Reads the next packet's header; undefined at the end of the stream. Rejects with "verification-failed". */
export async function readPacketHeader(source: ByteSource): Promise<PacketHeader | undefined> {
  const first = await source.some(1);
  const octet = first?.[0];
  if (!first || octet === undefined) return undefined;
  if ((octet & 0x80) === 0) throw malformedPacket("there is no packet where one must begin");
  if ((octet & 0x40) === 0) {
    const lengthBytes = [1, 2, 4][octet & 3];
    if (lengthBytes === undefined) return { tag: (octet >> 2) & 0x0f, length: Infinity, partial: false, bytes: first };
    const length = await source.take(lengthBytes);
    const bytes = Buffer.concat([Buffer.from([octet]), length]);
    return { tag: (octet >> 2) & 0x0f, length: length.readUIntBE(0, lengthBytes), partial: false, bytes };
  }
  const { length, partial, bytes } = await readLength(source);
  return { tag: octet & 0x3f, length, partial, bytes: Buffer.concat([Buffer.from([octet]), bytes]) };
}

/** The body of the packet whose header was just read, its parts put together as they come. */
export async function* packetBody(source: ByteSource, header: PacketHeader): AsyncGenerator<Buffer, void> {
  let { length, partial } = header;
  for (;;) {
    while (length > 0) {
      const piece = await source.some(length);
      if (!piece && length === Infinity) return;
      if (!piece) throw malformedPacket("it ends too early");
      length -= piece.length;
      yield piece;
    }
    if (!partial) return;
    ({ length, partial } = await readLength(source));
  }
}

export function malformedPacket(what: string): LifeboatError {
  return new LifeboatError("verification-failed", `the encrypted data is damaged: ${what}`);
}

async function readLength(source: ByteSource): Promise<{ length: number; partial: boolean; bytes: Buffer }> {
  const first = await source.take(1);
  const octet = first[0] as number;
  if (octet < 192) return { length: octet, partial: false, bytes: first };
  if (octet < 224) {
    const second = await source.take(1);
    return {
      length: ((octet - 192) << 8) + (second[0] as number) + 192,
      partial: false,
      bytes: Buffer.concat([first, second]),
    };
  }
  if (octet < 255) return { length: 2 ** (octet & 0x1f), partial: true, bytes: first };
  const four = await source.take(4);
  return { length: four.readUInt32BE(0), partial: false, bytes: Buffer.concat([first, four]) };
}
