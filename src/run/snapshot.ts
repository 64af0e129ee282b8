import { folderSnapshot } from "../sources/folder.ts";
import type { Snapshot } from "../sources/source.ts";
import { sqliteSource } from "../sources/sqlite.ts";
import { survey, type Survey } from "../sources/survey.ts";
import type { Spool } from "./spool.ts";
import type { Tools } from "./tools.ts";

/** What there is to save, as the settings say. Its list goes into `listFolder`. */
export async function surveySources(listFolder: string, { config }: Tools, signal: AbortSignal): Promise<Survey> {
  const local = config.targets.flatMap((target) => (target.kind === "local" ? [target.folder] : []));
  return await survey(
    {
      root: config.sources,
      exclude: config.exclude,
      ...(config.excludeRegexp ? { excludeRegexp: config.excludeRegexp } : {}),
      sqlite: config.sqlite,
      // A backup of our own backups would grow without end.
      never: [config.state, ...local],
    },
    listFolder,
    signal,
  );
}

export interface Snapshots {
  readonly all: readonly Snapshot[];
  /** Of everything to be sealed, for the progress. */
  readonly contentBytes: number;
  /** True if some files are not copied but read where they lie: they must stay at rest until they are sealed. */
  readonly readsInPlace: boolean;
}

/** Surveys once more, now that everything is at rest, and copies each database. */
export async function snapshotSources(spool: Spool, tools: Tools, signal: AbortSignal): Promise<Snapshots> {
  const found = await surveySources(await spool.makeFolder("lists"), tools, signal);
  const databases = await copyDatabases(found, spool, tools, signal);
  const databaseBytes = found.databases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return {
    all: [folderSnapshot(found), ...databases],
    contentBytes: found.totals.sizeBytes + databaseBytes,
    readsInPlace: found.totals.files > 0,
  };
}

/** Two keep the two halves of the work, reading and checking, going; more would only share the same disk. */
const COPIES_AT_ONCE = 2;

async function copyDatabases(
  { root, databases }: Survey,
  spool: Spool,
  { config, log }: Tools,
  signal: AbortSignal,
): Promise<readonly Snapshot[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const copied: Snapshot[] = [];
  const waiting = databases.entries();
  const copyOneAfterTheOther = async () => {
    for (const [at, database] of waiting) {
      const source = sqliteSource(database, { root, timeoutMs: config.sqliteTimeoutMs });
      const stage = { folder: await spool.makeFolder(`database-${at}`) };
      const snapshot = await source.snapshot(stage, either);
      log.info("database copied", { database: source.name, ...briefly(snapshot.finding.facts) });
      copied[at] = snapshot;
    }
  };
  const copiers = Array.from({ length: COPIES_AT_ONCE }, copyOneAfterTheOther);
  try {
    await Promise.all(copiers);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(copiers);
    throw error;
  }
  return copied;
}

function briefly(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { method, pageCount, tookMs } = facts;
  return { method, pageCount, tookMs };
}
