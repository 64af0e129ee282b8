import { rm } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../errors.ts";
import { digestOfFile } from "../../system/digest.ts";
import type { Found } from "./find.ts";
import { orNotEnoughSpace, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** Archive and index in the spool, byte for byte what the receipt promises. Still sealed. */
export interface Fetched {
  readonly archivePath: string;
  readonly indexPath: string;
}

/**
 * Rejects with "verification-failed", naming the file and the target, when the bytes are not those that were sealed, and
 * with "failed", naming the folder, when there is no room for them.
 */
export async function fetchBackup(found: Found, spool: Spool, tools: Tools, signal: AbortSignal): Promise<Fetched> {
  const { receipt } = found.backup;
  const archivePath = await fetchPart(found, receipt.archive, spool, tools, signal);
  return { archivePath, indexPath: await fetchIndex(found, spool, tools, signal) };
}

/** The index alone: enough to list what is in a backup. */
export async function fetchIndex(found: Found, spool: Spool, tools: Tools, signal: AbortSignal): Promise<string> {
  return await fetchPart(found, found.backup.receipt.index, spool, tools, signal);
}

interface Part {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

async function fetchPart(
  { target }: Found,
  part: Part,
  spool: Spool,
  { progress }: Tools,
  signal: AbortSignal,
): Promise<string> {
  const path = join(await spool.makeFolder("fetched"), part.key);
  using bar = progress.start(`fetch ${part.key}`, part.sizeBytes);
  try {
    await target.fetch(part.key, path, signal, (gotBytes) => bar.at(gotBytes));
  } catch (error) {
    signal.throwIfAborted();
    throw await orNotEnoughSpace(error, spool.folder, part.sizeBytes, `to fetch '${part.key}'`);
  }
  const { sha256 } = await digestOfFile(path, signal);
  if (sha256 === part.sha256) return path;
  await rm(path, { force: true });
  throw new LifeboatError(
    "verification-failed",
    `'${part.key}' on '${target.name}' is damaged: its SHA-256 is ${sha256}, its receipt says ${part.sha256}`,
    { hint: "Restore from another target (--target), or an older backup. Nothing was touched." },
  );
}
