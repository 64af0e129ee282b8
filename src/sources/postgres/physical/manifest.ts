import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { LifeboatError } from "../../../errors.ts";

/** What is at the end of a backup_manifest, which lists every file of a base backup with its SHA-256. */
export interface Manifest {
  /** The write-ahead log without which the files are not consistent; several where the timeline changed. */
  readonly walRanges: readonly WalRange[];
  /** SHA-256 of the manifest itself, as it has it at its end. */
  readonly sha256: string;
  /** Of global/pg_control, which servers send last of all files. */
  readonly controlSha256: string;
}

export interface WalRange {
  readonly timeline: number;
  /** "0/2000028" */
  readonly startLsn: string;
  readonly stopLsn: string;
}

/** Rejects with a LifeboatError if it does not end as a manifest does. Reads its end only: it may be as long as there are files. */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await endOf(path);
  const [, sha256] = /"Manifest-Checksum": "([0-9a-f]{64})"}\s*$/.exec(text) ?? [];
  const [, controlSha256] =
    /"Path": "global\/pg_control".*"Checksum-Algorithm": "SHA256", "Checksum": "([0-9a-f]{64})"/.exec(text) ?? [];
  const ranges = text.slice(text.lastIndexOf('"WAL-Ranges"'));
  const walRanges = [...ranges.matchAll(RANGE)].map(([, timeline, startLsn = "", stopLsn = ""]) => {
    return { timeline: Number(timeline), startLsn, stopLsn };
  });
  if (!sha256 || !controlSha256 || walRanges.length === 0) {
    throw new LifeboatError("failed", "pg_basebackup left a backup_manifest that is not complete");
  }
  return { sha256, controlSha256, walRanges: walRanges.sort((one, other) => one.timeline - other.timeline) };
}

/** SHA-256 of a manifest as it should have it at its end: of all but its last line. Rejects if there is no such file. */
export async function digestOfManifest(path: string, signal: AbortSignal): Promise<string> {
  const { size } = await stat(path);
  const hash = createHash("sha256");
  const end = size - LAST_LINE_BYTES - 1;
  if (end > 0) for await (const chunk of createReadStream(path, { end, signal })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

const LAST_LINE_BYTES = '"Manifest-Checksum": ""}\n'.length + 64;

const RANGE = /"Timeline": (\d+), "Start-LSN": "([0-9A-F]+\/[0-9A-F]+)", "End-LSN": "([0-9A-F]+\/[0-9A-F]+)"/g;

/** Room for some hundred timelines and the last files. */
const END_BYTES = 64 * 1024;

async function endOf(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const length = Math.min(size, END_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}
