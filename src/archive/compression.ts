import { availableParallelism } from "node:os";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { LifeboatError } from "../errors.ts";
import type { Command } from "../system/children.ts";
import type { Compression, CompressionKind } from "./format.ts";
import { throughChild, type Bytes } from "./through-child.ts";

/** Each thread costs some 30 MiB; what four of them compress is more than the stages after them take up. */
export const archiveThreads = Math.min(availableParallelism(), 4);

/** Compresses with the program of that kind; zstd with a checksum in its frame, and with so many threads. */
export function compressed(plain: Bytes, { kind, level }: Compression, threads: number, signal: AbortSignal): Bytes {
  const programs: Record<CompressionKind, Command | undefined> = {
    zst: { program: "zstd", args: [...ZSTD, `-${level}`, `-T${threads}`, ...zstdJob(level)] },
    gz: { program: "gzip", args: ["--stdout", "--no-name", `-${level}`] },
    none: undefined,
  };
  const command = programs[kind];
  return command ? throughChild(command, plain, signal) : plain;
}

const ZSTD = ["--compress", "--stdout", "--quiet", "--check"];

/**
 * What one thread takes at a time is four times the window of the level by default. The levels from 3 to 8 have windows
 * of 2 MiB; with jobs of twice that two threads need 33 MiB less, and 0.2 % is lost on source code, less on other data.
 */
function zstdJob(level: number): readonly string[] {
  return level >= 3 && level <= 8 ? ["-B4MiB"] : [];
}

/** The way back. Damage and truncation reject: both formats carry a checksum and an end. */
export function decompressed(sealed: Bytes, kind: CompressionKind, signal: AbortSignal): Bytes {
  const programs: Record<CompressionKind, Command | undefined> = {
    zst: { program: "zstd", args: ["--decompress", "--stdout", "--quiet"] },
    gz: { program: "gzip", args: ["--decompress", "--stdout"] },
    none: undefined,
  };
  const command = programs[kind];
  return command ? throughChild(command, sealed, signal) : sealed;
}

/**
 * As `decompressed`, of few bytes: without a program, which takes longer to start than they take. What follows after the
 * end is refused, as the programs do.
 */
export async function* decompressedHere(sealed: Bytes, kind: CompressionKind): AsyncGenerator<Buffer, void> {
  if (kind === "none") {
    yield* sealed;
    return;
  }
  const stream = kind === "zst" ? createZstdDecompress() : createGunzip();
  let packedBytes = 0;
  const counted = async function* () {
    for await (const chunk of sealed) {
      packedBytes += chunk.length;
      yield chunk;
    }
  };
  const feeding = pipeline(counted, stream);
  feeding.catch(() => {
    // Told below: a failure of the input fails the output as well.
  });
  try {
    yield* stream as AsyncIterable<Buffer>;
    await feeding;
    if (stream.bytesWritten !== packedBytes) throw new Error("something follows after its end");
  } catch (error) {
    if (error instanceof LifeboatError || !(error instanceof Error)) throw error;
    throw new LifeboatError("verification-failed", `its ${kind} data is damaged: ${error.message}`, { cause: error });
  } finally {
    stream.destroy();
    await feeding.catch(() => undefined);
  }
}
