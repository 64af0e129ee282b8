import { stat } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../../errors.ts";
import { isSystemError } from "../../../system/files.ts";
import type { WalRange } from "./manifest.ts";

/** Names of the files of the write-ahead log that have a range in them. */
export function walFilesOf({ timeline, startLsn, stopLsn }: WalRange, segmentBytes: number): readonly string[] {
  const segment = BigInt(segmentBytes);
  const perName = 2n ** 32n / segment;
  const hex = (number: bigint) => number.toString(16).toUpperCase().padStart(8, "0");
  const names: string[] = [];
  // The stop is the first byte that does not belong to it.
  for (let at = numberOf(startLsn) / segment; at <= (numberOf(stopLsn) - 1n) / segment; at++) {
    names.push(hex(BigInt(timeline)) + hex(at / perName) + hex(at % perName));
  }
  return names;
}

function numberOf(lsn: string): bigint {
  const [high = "0", low = "0"] = lsn.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** Rejects unless every file of the log that the base backup needs is there in full size. */
export async function requireWal(data: string, ranges: readonly WalRange[], segmentBytes: number): Promise<void> {
  for (const name of ranges.flatMap((range) => walFilesOf(range, segmentBytes))) {
    const path = join(data, "pg_wal", name);
    const size = await stat(path).then(
      (stats) => stats.size,
      (error: unknown) => {
        if (isSystemError(error, "ENOENT")) return 0;
        throw error;
      },
    );
    if (size === segmentBytes) continue;
    const what = size === 0 ? "is missing" : `has ${size} bytes, not ${segmentBytes}`;
    throw new LifeboatError("failed", `'pg_wal/${name}', which the base backup needs, ${what}`);
  }
}
