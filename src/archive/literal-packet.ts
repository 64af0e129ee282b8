import { ByteSource } from "./byte-source.ts";
import { decompressedPackets } from "./compressed-packet.ts";
import { malformedPacket, packetBody, readPacketHeader } from "./packet.ts";
import type { Bytes } from "./through-child.ts";

/**
 * The content of the one literal packet in a stream of packets, compressed or not. Reads the stream to its very end
 * before it ends itself. Rejects with "verification-failed" if there is anything else in it.
 */
export async function* literalContent(packets: Bytes): AsyncGenerator<Buffer, void> {
  const inside = new ByteSource(packets);
  try {
    const outer = await readPacketHeader(inside);
    const isCompressed = outer?.tag === COMPRESSED;
    const source = isCompressed ? new ByteSource(decompressedPackets(packetBody(inside, outer))) : inside;
    const header = isCompressed ? await readPacketHeader(source) : outer;
    if (header?.tag !== LITERAL) throw malformedPacket("it holds no literal data");
    const body = new ByteSource(packetBody(source, header));
    const [, nameLength = 0] = await body.take(2);
    await body.take(nameLength + 4);
    for (let bytes = await body.some(Infinity); bytes; bytes = await body.some(Infinity)) yield bytes;
    if ((await source.some(1)) || (await inside.some(1))) {
      throw malformedPacket("there is more than one packet in it");
    }
  } finally {
    await inside.close();
  }
}

const COMPRESSED = 8;
const LITERAL = 11;
