import { rm } from "node:fs/promises";
import type { MemberList } from "../sources/source.ts";
import { ComplaintsFile } from "./complaints-file.ts";
import { archiveThreads, compressed } from "./compression.ts";
import { writeEncryptedFile } from "./encrypted-file.ts";
import { encrypted } from "./encryption.ts";
import type { Compression, SealedFile, SealingKey } from "./format.ts";
import { IndexWriter } from "./index-file.ts";
import { endOfArchive, visitMembers } from "./member-stream.ts";
import { writeSealedFile } from "./sealed-file.ts";
import { Tally, type MemberCounts, type Reading } from "./tally.ts";
import type { ReadProblems } from "./tar-complaints.ts";
import { runsAgain, tarOutput, tarRuns, type Again, type TarRun } from "./tar-run.ts";
import { WalkedPlaces } from "./walked-places.ts";

export interface SealRequest {
  /** The backup's id; goes into the index. */
  readonly id: string;
  /** No path may be on two lists. */
  readonly lists: readonly MemberList[];
  readonly compression: Compression;
  readonly key: SealingKey;
  /** Where the two files go; neither may exist. */
  readonly archivePath: string;
  readonly indexPath: string;
  /** Told now and then how many bytes of the files' content have been read so far; never more than there are. */
  readonly onProgress?: (contentBytes: number) => void;
}

export interface Sealed {
  readonly archive: SealedFile;
  readonly index: SealedFile;
  readonly counts: MemberCounts;
  /** Of all files, holes counted. */
  readonly contentBytes: number;
  /** Of the tar stream inside the archive. */
  readonly tarBytes: number;
  readonly readProblems: ReadProblems;
}

/**
 * Seals the files of all lists into one archive and its index. Resolves once both are on the disk and every program
 * that had a part in it has ended well. Rejects, leaving neither file, when anything fails; a file that changed,
 * vanished or could not be read is no failure but a read problem.
 */
export async function seal(request: SealRequest, signal: AbortSignal): Promise<Sealed> {
  const { compression, key } = request;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const index = new IndexWriter(either);
  const tally = new Tally(request.id, index);
  const writing = [
    writeEncryptedFile(
      request.archivePath,
      compressed(tarOf(request, tally, either), compression, archiveThreads, either),
      key,
      either,
    ),
    writeSealedFile(request.indexPath, encrypted(compressed(index.bytes, compression, 1, either), key), either),
  ] as const;
  try {
    const [archive, indexFile] = await Promise.all(writing);
    return { archive, index: indexFile, ...tally.result() };
  } catch (error) {
    stop.abort(error);
    index.fail(error);
    for (const written of await Promise.allSettled(writing)) {
      if (written.status === "fulfilled") await rm(written.value.path, { force: true });
    }
    throw error;
  }
}

/** The tar streams of all runs as one, its members counted and put into the index on the way. */
async function* tarOf(request: SealRequest, tally: Tally, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  for (const run of tarRuns(request.lists)) {
    const again: Again = { same: [], plain: [] };
    yield* readOnce(run, again, request, tally, signal);
    for (const rest of runsAgain(run, again)) yield* readOnce(rest, undefined, request, tally, signal);
  }
  const end = endOfArchive(tally.tarBytes);
  tally.tarBytes += end.length;
  yield end;
  await tally.index.end();
}

async function* readOnce(
  run: TarRun,
  again: Again | undefined,
  { indexPath, onProgress }: SealRequest,
  tally: Tally,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  await using said = await ComplaintsFile.create(`${indexPath}.said`);
  const [first] = run.lists;
  const reading: Reading = { run, said, places: first && (await WalkedPlaces.of(first)), again };
  tally.beginReading(reading);
  for await (const bytes of visitMembers(tarOutput(run, said, signal), tally, signal)) {
    tally.tarBytes += bytes.length;
    onProgress?.(tally.contentBytesSoFar);
    yield bytes;
  }
  tally.endReading(reading);
}
