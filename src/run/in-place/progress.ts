import { LifeboatError } from "../../errors.ts";
import { failpoint } from "../../system/failpoint.ts";
import type { FileWork, Leftover } from "./file-work.ts";
import { workFolder, type PlaceSwap } from "./job.ts";
import {
  readInPlaceJournal,
  removeInPlaceJournal,
  writeInPlaceJournal,
  type InPlaceJournal,
  type Phase,
} from "./journal.ts";
import type { DatabaseSwap } from "./postgres/swap-schema.ts";

/** One restore in place: its journal, and whoever works on the files. */
export interface Progress extends AsyncDisposable {
  readonly journal: InPlaceJournal;
  /** Writes down what comes next, before it is done. */
  enter(
    phase: Phase,
    more?: Partial<Pick<InPlaceJournal, "watched">> & {
      swaps?: readonly PlaceSwap[];
      databases?: readonly DatabaseSwap[];
    },
  ): Promise<void>;
  /** Has something done by the worker; opens another one when the last has failed to answer. */
  work<T>(act: (work: FileWork) => Promise<T>): Promise<T>;
  /** Nothing live was touched: takes away what was staged. */
  abandon(): Promise<void>;
  /** Takes away what the run made, but for `kept`, and the journal. */
  end(kept: Leftover | null): Promise<void>;
  workFolders(): readonly string[];
}

/** Takes away what the run made on database servers, but for `kept`. May be called again. */
export type TidyServers = (journal: InPlaceJournal, kept: Leftover | null) => Promise<void>;

/** Begins one; in the journal when this resolves. */
export async function progressOf(
  about: Omit<InPlaceJournal, "phase" | "swaps" | "watched">,
  open: () => Promise<FileWork>,
  tidyServers: TidyServers,
): Promise<Progress> {
  if (await readInPlaceJournal(about.job.stateFolder)) {
    throw new LifeboatError("failed", "an earlier restore in place has left things behind that cannot be removed yet", {
      hint: "The log says why. Nothing was touched.",
    });
  }
  const progress = resumed({ ...about, phase: "staging", swaps: [], watched: [] }, open, tidyServers);
  await progress.enter("staging");
  return progress;
}

/** Goes on with one from its journal. */
export function resumed(from: InPlaceJournal, open: () => Promise<FileWork>, tidyServers: TidyServers): Progress {
  let journal = from;
  let worker: FileWork | undefined;
  const close = async () => {
    await worker?.[Symbol.asyncDispose]();
    worker = undefined;
  };
  const work: Progress["work"] = async (act) => {
    worker ??= await open();
    try {
      return await act(worker);
    } catch (error) {
      await close();
      throw error;
    }
  };
  const end = async (kept: Leftover | null) => {
    await work((files) => files.finish(kept));
    await tidyServers(journal, kept);
    await removeInPlaceJournal(journal.job.stateFolder);
  };
  return {
    get journal() {
      return journal;
    },
    async enter(phase, more = {}) {
      const { swaps = journal.swaps, databases = journal.databases } = more;
      const next = { ...journal, ...more, phase, swaps: [...swaps], databases: [...databases] };
      await writeInPlaceJournal(next);
      journal = next;
      await failpoint(`in-place:${phase}`);
    },
    work,
    abandon: () => end(null),
    end,
    workFolders: () => [...journal.job.places.keys()].map((at) => workFolder(journal.job, at)),
    [Symbol.asyncDispose]: close,
  };
}
