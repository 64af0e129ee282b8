import type { Survey } from "../../sources/findings.ts";
import { requireSpace } from "../conduct/spool.ts";
import { readState } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";
import { requireTarget } from "./require-target.ts";

/** Rejects if there is no room for the copies of the databases and the sealed archive, here or at any target. */
export async function requireRoom(
  { files, folders, symlinks, allocatedBytes }: Survey["totals"],
  databaseBytes: number,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const { state } = tools.config;
  const tarBytes = allocatedBytes + databaseBytes + (files + folders + symlinks) * HEADER_BYTES;
  // Compressed to what the last run's data was, with a quarter more for data that has changed in kind.
  const ratio = Math.min(1, ((await readState(state))?.lastRatio ?? 1) * 1.25);
  const sealedBytes = Math.ceil(tarBytes * ratio);
  await requireSpace(state, databaseBytes + sealedBytes, "to copy the databases and seal the archive");
  await requireTarget(sealedBytes, tools, signal);
}

/** What a member takes in a tar stream beside its content, about. */
const HEADER_BYTES = 2048;
