import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { extractingTar } from "../../archive/tar-extraction.ts";
import { LifeboatError } from "../../errors.ts";
import { runChild } from "../../system/children.ts";
import { failpoint } from "../../system/failpoint.ts";
import { removeTree } from "../../system/trees.ts";
import { setTimes } from "./attributes.ts";
import { checkDatabases, type Flaw } from "./databases.ts";
import { filesFolder, newRoot, placeAt, workFolder, type Job, type JobPlace, type PlaceSwap } from "./job.ts";
import { at, attributesOf, identityOf, look } from "./paths.ts";
import { putToNewName } from "./new-name.ts";
import { planSwap } from "./plan-swap.ts";
import { swapPlace, undoPlace } from "./swap.ts";

/**
 * What is done to files in a restore, in this process or in a helper container. The caller keeps the journal and holds
 * the containers; after each step it says what the next one is.
 */
export interface FileWork extends AsyncDisposable {
  /**
   * Extracts a place's members beside its live data, checks the databases among them, each within `sqliteTimeoutMs`, and
   * makes them durable. `tar` has been checked by whoever gives it.
   */
  stage(place: number, tar: AsyncIterable<Buffer>, sqliteTimeoutMs: number, signal: AbortSignal): Promise<Staged>;
  /** Decides what is swapped, now that everything is at rest. */
  plan(signal: AbortSignal): Promise<readonly PlaceSwap[]>;
  /** Lets what was staged at `from` appear at `to`, a free name: both relative to the place, bytes as characters. */
  putBeside(place: number, from: string, to: string): Promise<void>;
  /** No signal: it is short, and half of it is of no use. */
  swap(swaps: readonly PlaceSwap[]): Promise<void>;
  /** Old data back, from wherever `swap` or an earlier `undo` stopped. May be called again. */
  undo(swaps: readonly PlaceSwap[]): Promise<void>;
  /** Takes away what the run made beside the data, but for the `kept` part of it. May be called again. */
  finish(kept: Leftover | null): Promise<void>;
}

export interface Staged {
  /** Attributes that could not be set. */
  readonly warnings: readonly string[];
  readonly flaws: readonly Flaw[];
}

/** "old": what was replaced. "failed": what was taken away again. */
export type Leftover = "old" | "failed";

/** Does the work in this process, which must be able to write to every place. */
export function directWork(job: Job): FileWork {
  return {
    async stage(place, tar, sqliteTimeoutMs, signal) {
      const work = workFolder(job, place);
      const into = join(work, "new");
      await requireSame(placeAt(job, place));
      await keepingTimes(dirname(work), () => mkdir(into, { recursive: true, mode: 0o700 }));
      // Of the same data on the same machine; what a helper's own process would be given, others may not read.
      const warnings = await extractingTar({ folder: into, tar, keepLabels: true }, signal);
      await requireNoLinks(join(into, "backup"), placeAt(job, place).path);
      await failpoint("in-place:extracted", signal);
      const flaws = await checkDatabases(newRoot(job, place), placeAt(job, place).path, sqliteTimeoutMs, signal);
      await runChild({ program: "sync", args: ["--file-system", into] }, { signal, timeoutMs: SYNC_MS });
      return { warnings, flaws };
    },
    async plan(signal) {
      const swaps: PlaceSwap[] = [];
      for (const place of job.places.keys()) {
        signal.throwIfAborted();
        swaps.push(await planSwap(job, place));
      }
      return swaps;
    },
    async putBeside(place, from, to) {
      await putToNewName(at(newRoot(job, place), from), placeAt(job, place).folder, to, job.never);
    },
    async swap(swaps) {
      for (const one of swaps) {
        await swapPlace(job, one);
        await failpoint("in-place:place-swapped");
      }
    },
    async undo(swaps) {
      for (const one of swaps) await undoPlace(job, one);
    },
    async finish(kept) {
      for (const place of job.places.keys()) {
        const work = workFolder(job, place);
        await keepingTimes(dirname(work), () => clear(work, kept));
        await failpoint("in-place:place-finished");
      }
      if (kept === null) await removeTree(filesFolder(job));
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** A mount that is not the one that was looked at (part of a volume, another volume of that name) is not written to. */
async function requireSame({ folder, identity }: JobPlace): Promise<void> {
  const stats = await look(folder);
  if (stats && identityOf(stats) === identity) return;
  throw new LifeboatError(
    "failed",
    `what is mounted at '${folder}' for the restore is not what is mounted there here`,
    {
      hint: "Mount it writable and restore without a helper container (docs/how-to/restore-in-place.md).",
    },
  );
}

/** Where a place is now there may have been a symlink then: what that leads to is not ours. */
async function requireNoLinks(folder: string, path: string): Promise<void> {
  let here = folder;
  for (const name of ["", ...path.split("/")]) {
    here = join(here, name);
    if (!(await look(here))?.isSymbolicLink()) continue;
    throw new LifeboatError("failed", `'${path}' was a symlink when it was saved, and is a mount now`, {
      hint: "Mount what it should be, or leave it out with --only. Nothing was touched.",
    });
  }
}

/** All that was just written may still have to reach a slow disk. */
const SYNC_MS = 30 * 60 * 1000;

async function clear(work: string, kept: Leftover | null): Promise<void> {
  if (kept === null) return await removeTree(work);
  for (const name of await readdir(work).catch(() => [])) {
    if (name !== kept) await removeTree(join(work, name));
  }
}

/** Our own folder comes and goes without a trace in the times of the one it lies in. */
async function keepingTimes(folder: string, change: () => Promise<unknown>): Promise<void> {
  const before = await attributesOf(folder).catch((cause: unknown) => {
    throw new LifeboatError("failed", `cannot look at '${folder}'`, { cause });
  });
  await change();
  if (before) await setTimes(folder, before);
}
