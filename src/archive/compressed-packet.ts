import { pipeline } from "node:stream/promises";
import { createInflate, createInflateRaw } from "node:zlib";
import { LifeboatError } from "../errors.ts";
import { ByteSource } from "./byte-source.ts";
import { onlyGpgOpens } from "./foreign-cipher.ts";
import { malformedPacket } from "./packet.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Opens the body of a compressed data packet (RFC 9580, 5.6), which GnuPG puts around what it encrypts unless it is
 * told not to. This program's own archives have none.
 */
export async function* decompressedPackets(body: Bytes): AsyncGenerator<Buffer, void> {
  const source = new ByteSource(body);
  const [algorithm] = await source.take(1);
  const inflate = algorithm === ZIP ? createInflateRaw() : algorithm === ZLIB ? createInflate() : undefined;
  if (!inflate) {
    throw onlyGpgOpens(`is compressed with ${algorithm === BZIP2 ? "BZIP2" : `the method ${algorithm}`}`);
  }
  const feeding = pipeline(rest(source), inflate);
  feeding.catch(() => {
    // Told below: a failure of the input fails the output as well.
  });
  try {
    yield* inflate as AsyncIterable<Buffer>;
    await feeding;
  } catch (error) {
    if (error instanceof LifeboatError) throw error;
    throw malformedPacket(error instanceof Error ? error.message : String(error));
  } finally {
    inflate.destroy();
    await source.close();
  }
}

const ZIP = 1;
const ZLIB = 2;
const BZIP2 = 3;

async function* rest(source: ByteSource): AsyncGenerator<Buffer, void> {
  for (let bytes = await source.some(Infinity); bytes; bytes = await source.some(Infinity)) yield bytes;
}
