import { freeBytes } from "../../system/files.ts";
import type { PlannedStop } from "../../quiesce/quiescer.ts";
import type { Found } from "../find.ts";
import type { Tools } from "../tools.ts";
import type { Layout } from "./layout.ts";

/** What a restore in place is about to do, for a person to say yes to. */
export interface InPlacePlan {
  readonly backup: { readonly id: string; readonly takenAt: string; readonly target: string };
  readonly places: readonly {
    readonly folder: string;
    /** Null: all of it is replaced. */
    readonly only: readonly string[] | null;
    readonly files: number;
    readonly contentBytes: number;
    readonly freeBytes: number;
  }[];
  readonly stops: readonly PlannedStop[];
  /** "helper": a container of our own image writes, because our mounts are read-only. */
  readonly by: "direct" | "helper";
  readonly keepOld: boolean;
  /** Sentences for a person. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Touches nothing. Rejects when a container that would have to stop cannot be stopped. */
export async function describePlan(
  { backup: { receipt }, target }: Found,
  { shares, unknown, hasDumps }: Layout,
  by: InPlacePlan["by"],
  keepOld: boolean,
  { quiescer }: Tools,
  signal: AbortSignal,
): Promise<InPlacePlan> {
  const folders = shares.map(({ place }) => place.folder);
  const { stops, warnings, hasEngine } = await quiescer.planForRestore({ folders, servers: [] }, signal);
  return {
    backup: { id: receipt.id, takenAt: receipt.takenAt, target: target.name },
    places: await Promise.all(
      shares.map(async ({ place, only, files, contentBytes }) => ({
        folder: place.folder,
        only: only && only.map((path) => Buffer.from(path, "latin1").toString("utf8")),
        files,
        contentBytes,
        freeBytes: await freeBytes(place.folder),
      })),
    ),
    stops,
    by,
    keepOld,
    notes: [
      ...(hasEngine ? [] : ["there is no Docker socket: see that nothing uses the data"]),
      ...unknown.map(({ folder }) => `'${folder}' is not in this backup and stays as it is`),
      ...(hasDumps ? ["dumps of PostgreSQL databases are not put back by this command"] : []),
    ],
    warnings,
  };
}
