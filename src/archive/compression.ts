import { availableParallelism } from "node:os";
import type { Command } from "../system/children.ts";
import type { Compression, CompressionKind } from "./format.ts";
import { throughChild, type Bytes } from "./through-child.ts";

/** Each thread costs some 30 MiB; what four of them compress is more than the stages after them take up. */
export const archiveThreads = Math.min(availableParallelism(), 4);

/** Compresses with the program of that kind; zstd with a checksum in its frame, and with so many threads. */
export function compressed(plain: Bytes, { kind, level }: Compression, threads: number, signal: AbortSignal): Bytes {
  const programs: Record<CompressionKind, Command | undefined> = {
    zst: { program: "zstd", args: ["--compress", "--stdout", "--quiet", "--check", `-${level}`, `-T${threads}`] },
    gz: { program: "gzip", args: ["--stdout", "--no-name", `-${level}`] },
    none: undefined,
  };
  const command = programs[kind];
  return command ? throughChild(command, plain, signal) : plain;
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
