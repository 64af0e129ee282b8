import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { LifeboatError } from "../../errors.ts";
import { isSystemError, syncFolder, writeAtomically } from "../../system/files.ts";
import { jobSchema, placeSwapSchema } from "./job.ts";
import { databaseSwapSchema, madeRolesSchema } from "./postgres/swap-schema.ts";

const watched = z.strictObject({
  id: z.string(),
  name: z.string(),
  compose: z.strictObject({ project: z.string(), service: z.string(), number: z.string() }).nullable(),
  wasWell: z.boolean(),
  healthUrl: z.string().nullable(),
});

const journalSchema = z.strictObject({
  version: z.literal(1),
  backupId: z.string(),
  job: jobSchema,
  /** True if the work is done by a helper container. */
  byHelper: z.boolean(),
  keepOld: z.boolean(),
  /**
   * staging: nothing live was touched · swapping: some may be new, some old · swapped: all new, not yet known to be
   * well · finishing: all new and well, the old data is going · undoing: back to the old · undone: all old, what the
   * run made is going.
   */
  phase: z.enum(["staging", "swapping", "swapped", "finishing", "undoing", "undone"]),
  swaps: z.array(placeSwapSchema),
  watched: z.array(watched),
  /** Databases of PostgreSQL, swapped after the files and put back after them. */
  databases: z.array(databaseSwapSchema).default([]),
  /** Made before the databases that belong to them. */
  roles: z.array(madeRolesSchema).default([]),
});

/** How far a restore in place has come, on disk before each step. There is one at a time: the caller holds the lock. */
export type InPlaceJournal = Readonly<z.infer<typeof journalSchema>>;
export type Phase = InPlaceJournal["phase"];

export async function writeInPlaceJournal(journal: InPlaceJournal): Promise<void> {
  await writeAtomically(pathIn(journal.job.stateFolder), `${JSON.stringify(journal)}\n`);
}

export async function removeInPlaceJournal(stateFolder: string): Promise<void> {
  await rm(pathIn(stateFolder), { force: true });
  await syncFolder(stateFolder);
}

/** Undefined when no restore is under way. Rejects, naming the file, when it cannot be understood. */
export async function readInPlaceJournal(stateFolder: string): Promise<InPlaceJournal | undefined> {
  const path = pathIn(stateFolder);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw new LifeboatError("failed", `cannot read '${path}'`, { cause: error });
  }
  try {
    return journalSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new LifeboatError("failed", `the journal of a restore, '${path}', cannot be understood`, {
      cause: error instanceof z.ZodError ? new Error(z.prettifyError(error)) : error,
      hint:
        "It may be of a newer version: start that one again, and it ends the restore. By hand: old data lies in " +
        "'.lifeboat-*/old' beside the new, old databases are named …_old_…; move or rename them back, or remove them, " +
        "then remove the journal.",
    });
  }
}

function pathIn(stateFolder: string): string {
  return join(stateFolder, "in-place.json");
}
