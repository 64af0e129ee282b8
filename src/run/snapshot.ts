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
  const all: Snapshot[] = [folderSnapshot(found)];
  for (const [at, database] of found.databases.entries()) {
    const source = sqliteSource(database, { root: found.root, timeoutMs: tools.config.sqliteTimeoutMs });
    const stage = { folder: await spool.makeFolder(`database-${at}`) };
    const snapshot = await source.snapshot(stage, signal);
    tools.log.info("database copied", { database: source.name, ...briefly(snapshot.finding.facts) });
    all.push(snapshot);
  }
  const databaseBytes = found.databases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { all, contentBytes: found.totals.sizeBytes + databaseBytes, readsInPlace: found.totals.files > 0 };
}

function briefly(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { method, pageCount, tookMs } = facts;
  return { method, pageCount, tookMs };
}
