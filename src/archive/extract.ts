import { readdir } from "node:fs/promises";
import { LifeboatError } from "../errors.ts";
import type { OpeningKeys } from "./format.ts";
import { IndexComparison, type Expectation } from "./index-comparison.ts";
import { readIndex } from "./index-file.ts";
import type { DamagedFiles } from "./damaged-files.ts";
import { endOfArchive, visitMembers } from "./member-stream.ts";
import { select, type Selection } from "./selection.ts";
import { extractingTar } from "./tar-extraction.ts";
import type { Bytes } from "./through-child.ts";
import { openSealed } from "./unseal.ts";

/** The two sealed files of a backup. Their digests have been held against the receipt already. */
export interface SealedBackup extends Expectation {
  readonly archivePath: string;
  readonly indexPath: string;
  readonly keys: OpeningKeys;
  /** Told now and then how many bytes of content have been read so far. */
  readonly onProgress?: (contentBytes: number) => void;
}

export interface ExtractRequest extends SealedBackup {
  /** An empty folder, the quarantine; "backup" appears in it. What is there counts only once this has resolved. */
  readonly into: string;
  /** Member paths ("backup/…"): only what is at or below them is extracted. All of the archive is checked either way. */
  readonly only?: readonly Buffer[];
  /** As of `TarExtraction`. */
  readonly keepLabels?: boolean | undefined;
}

export interface Extracted {
  readonly members: number;
  readonly contentBytes: number;
  /** Such as of extended attributes or ACLs that could not be set here. */
  readonly warnings: readonly string[];
  /** Of what was extracted. */
  readonly damaged: DamagedFiles;
}

/**
 * Extracts a backup into a quarantine folder. No byte of a member reaches the disk before its name is known to be safe
 * and its headers agree with the index; each file's SHA-256 is compared when it is over. Resolves once archive and
 * index have agreed to their ends and tar has ended well. Rejects with "verification-failed", "wrong-key" or
 * "not-found"; the caller removes the quarantine then.
 */
export async function extract(request: ExtractRequest, signal: AbortSignal): Promise<Extracted> {
  if ((await readdir(request.into)).length > 0) {
    throw new LifeboatError("failed", `the quarantine '${request.into}' is not empty`);
  }
  const selection = await select(request.only, () => readIndex(request.indexPath, request.keys, signal));
  const comparison = compare(request, selection, signal);
  const { into: folder, keepLabels } = request;
  const warnings = await extractingTar({ folder, tar: comparedTar(request, comparison, signal), keepLabels }, signal);
  const { members, contentBytes, damaged } = comparison;
  return { members, contentBytes, warnings, damaged };
}

/**
 * The members at or below `only` as a plain tar stream, for whoever extracts it elsewhere. Its end is reached only if
 * all of the backup agreed with its index. Rejects with "not-found" for a path at which the backup has nothing.
 */
export async function openSelected(
  backup: SealedBackup & { readonly only: readonly Buffer[] },
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const selection = await select(backup.only, () => readIndex(backup.indexPath, backup.keys, signal));
  return comparedTar(backup, compare(backup, selection, signal), signal);
}

/** Reads and compares all of a backup as `extract` does, without writing anything. */
export async function verifyArchive(backup: SealedBackup, signal: AbortSignal): Promise<Omit<Extracted, "warnings">> {
  const comparison = compare(backup, { has: () => true }, signal);
  for await (const _ of comparedTar(backup, comparison, signal));
  const { members, contentBytes, damaged } = comparison;
  return { members, contentBytes, damaged };
}

function compare(backup: SealedBackup, selection: Selection, signal: AbortSignal): IndexComparison {
  return new IndexComparison(readIndex(backup.indexPath, backup.keys, signal), backup, selection.has);
}

/** The selected members as a tar stream of their own. Its end is reached only if everything agreed to the end. */
async function* comparedTar(
  { archivePath, keys, tarBytes = Infinity, onProgress }: SealedBackup,
  comparison: IndexComparison,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  let passedBytes = 0;
  const tar: Bytes = atMost(tarBytes, await openSealed(archivePath, keys, signal));
  try {
    for await (const bytes of visitMembers(tar, comparison, signal)) {
      passedBytes += bytes.length;
      onProgress?.(comparison.contentBytes);
      yield bytes;
    }
    await comparison.finish();
    yield endOfArchive(passedBytes);
  } finally {
    await comparison.close();
  }
}

/** What unpacks to more than was sealed is refused as soon as it shows. */
async function* atMost(maxBytes: number, tar: Bytes): AsyncGenerator<Buffer, void> {
  let total = 0;
  for await (const chunk of tar) {
    total += chunk.length;
    if (total > maxBytes) {
      throw new LifeboatError(
        "verification-failed",
        `the archive unpacks to more than the ${maxBytes} bytes of its receipt`,
      );
    }
    yield chunk;
  }
}
