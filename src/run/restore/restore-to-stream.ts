import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { IndexEntry } from "../../archive/format.ts";
import { DamagedFiles } from "../../archive/damaged-files.ts";
import { readIndex } from "../../archive/index-file.ts";
import { LifeboatError } from "../../errors.ts";
import type { RunReport } from "../../report/outcome.ts";
import { bytesOf, printable, type ByteString } from "../../sources/names.ts";
import { fetchOneFile } from "../catalogue/fetch-one-file.ts";
import { fetchIndex } from "../catalogue/fetch.ts";
import { findBackup, type Wanted } from "../catalogue/find.ts";
import { conduct } from "../conduct/conduct.ts";
import { openReaderSpool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/**
 * Writes the content of one file of a backup to `out`, which stays open, and nothing else. Not a byte comes before all of
 * the backup has passed its checks. Waits for no other run: it reads.
 */
export async function restoreToStream(
  wanted: Wanted & { readonly path: ByteString },
  out: Writable,
  tools: Tools,
  signal: AbortSignal,
): Promise<RunReport> {
  return await conduct("restore", tools, async (run) => {
    const found = await run.step("find", () => findBackup(wanted, tools, run, signal));
    run.note({ backupId: found.backup.receipt.id });
    await using spool = await openReaderSpool(tools.config.state);
    const index = await fetchIndex(found, spool, tools, signal);
    const entry = await fileIn(index, bytesOf(`backup/${wanted.path}`), tools, signal);
    await rm(index);
    const { path, sizeBytes } = entry;
    const file = await run.step("fetch", () => fetchOneFile(found, { path, sizeBytes }, spool, tools, signal));
    if (entry.damage !== undefined) {
      const damaged = new DamagedFiles();
      damaged.add(path);
      run.warn(damaged.sentence ?? "");
    }
    await pipeline(createReadStream(file), out, { end: false, signal });
    await new Promise<void>((resolve, reject) => out.write("", (error) => (error ? reject(error) : resolve())));
  });
}

/** The entry that has the content of the file. Rejects with "not-found" for whatever has none of its own. */
async function fileIn(index: string, path: Buffer, tools: Tools, signal: AbortSignal): Promise<IndexEntry> {
  const shown = printable(path.subarray("backup/".length));
  for await (const entry of readIndex(index, tools.keys, signal)) {
    if (!entry.path.equals(path)) continue;
    if (entry.type === "file") return entry;
    if (entry.type === "hardlink" && entry.linkTarget) return await fileIn(index, entry.linkTarget, tools, signal);
    const to = entry.type === "symlink" && entry.linkTarget ? `, to '${printable(entry.linkTarget)}'` : "";
    throw new LifeboatError("not-found", `'${shown}' is a ${entry.type} in the backup${to}, and no file`, {
      hint: "One file goes to standard output; with --to FOLDER folders and links come back too.",
    });
  }
  throw new LifeboatError("not-found", `there is no '${shown}' in the backup`, {
    hint: "'lifeboat ls ID' shows what there is.",
  });
}
