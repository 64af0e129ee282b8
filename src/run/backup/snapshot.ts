import { existsSync } from "node:fs";
import { join } from "node:path";
import { LifeboatError } from "../../errors.ts";
import { folderSnapshot } from "../../sources/folder.ts";
import { physicalSource } from "../../sources/postgres-physical.ts";
import { postgresSources, restingSource } from "../../sources/postgres.ts";
import type { DatabaseFacts } from "../../sources/postgres/facts.ts";
import { DUMPS_FOLDER, serverFolder } from "../../sources/postgres/file-names.ts";
import { surveyPhysical, type FoundPhysical } from "../../sources/postgres/physical/survey.ts";
import { readmeOfDumps, type Dumped } from "../../sources/postgres/readme.ts";
import type { PostgresServer } from "../../sources/postgres/server.ts";
import { surveyPostgres, type FoundServer } from "../../sources/postgres/survey.ts";
import type { MemberList, Snapshot } from "../../sources/source.ts";
import { sqliteSource } from "../../sources/sqlite.ts";
import type { Survey } from "../../sources/findings.ts";
import { survey, type SurveyOptions } from "../../sources/survey.ts";
import type { Foundations } from "./choose-foundations.ts";
import { copyDatabases } from "./copy-databases.ts";
import type { Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** What there is to save, as the settings and the containers' labels say. */
export interface Surveyed {
  readonly files: Survey;
  readonly servers: readonly FoundServer[];
  /** Servers in containers that do not run. */
  readonly resting: readonly PostgresServer[];
  readonly physical: readonly FoundPhysical[];
  /** What the copies of all databases may take. */
  readonly databaseBytes: number;
}

/** Looks at everything that is to be saved. The list of files goes into `listFolder`. Touches nothing. */
export async function surveyAll(listFolder: string, tools: Tools, signal: AbortSignal): Promise<Surveyed> {
  const found = await tools.findPostgres(signal);
  const resting = found.filter(({ atRest }) => atRest !== undefined);
  const running = found.filter(({ atRest }) => atRest === undefined);
  const servers = await surveyPostgres(running, postgresOptions(tools), signal);
  const physical = await surveyPhysical(tools.physicalServers, postgresOptions(tools), signal);
  const hasServers = servers.length > 0 || physical.length > 0;
  if (hasServers) refuseInTheWay(tools.config.sources);
  const options = { ...surveyOptions(tools), ...(hasServers ? { mayBeEmpty: true as const } : {}) };
  const files = await survey(options, listFolder, signal);
  const databases = [...files.databases, ...servers, ...physical];
  const databaseBytes = databases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { files, servers, resting, physical, databaseBytes };
}

/** Looks at the files below BACKUP_SOURCES alone, of which there may be none. Their list goes into `listFolder`. */
export async function surveySources(listFolder: string, tools: Tools, signal: AbortSignal): Promise<Survey> {
  return await survey({ ...surveyOptions(tools), mayBeEmpty: true }, listFolder, signal);
}

/** What is to be looked at below BACKUP_SOURCES. */
export function surveyOptions({ config }: Tools): SurveyOptions {
  const local = config.targets.flatMap((target) => (target.kind === "local" ? [target.folder] : []));
  return {
    root: config.sources,
    exclude: config.exclude,
    ...(config.excludeRegexp ? { excludeRegexp: config.excludeRegexp } : {}),
    sqlite: config.sqlite,
    // A backup of our own backups would grow without end.
    never: [config.state, ...local],
  };
}

function refuseInTheWay(sources: string): void {
  const path = join(sources, DUMPS_FOLDER);
  if (!existsSync(path)) return;
  throw new LifeboatError("failed", `'${path}' is where the copies of PostgreSQL would be in the backup`, {
    hint: "Those of an earlier restore? Move the folder out of what is saved.",
  });
}

export interface Snapshots {
  /** The files that are read where they lie. */
  readonly files: Survey;
  readonly all: readonly Snapshot[];
  /** Of everything to be sealed, for the progress. */
  readonly contentBytes: number;
  /** True if some files are not copied but read where they lie: they must stay at rest until they are sealed. */
  readonly readsInPlace: boolean;
}

/**
 * Copies each database of a survey made at rest, servers with a foundation incrementally; the other files are read where
 * they lie.
 */
export async function snapshotSources(
  { files, servers, resting, physical }: Surveyed,
  foundations: Foundations,
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<Snapshots> {
  const { root, databases } = files;
  const sqlite = databases.map((found) => sqliteSource(found, { root, timeoutMs: tools.config.sqliteTimeoutMs }));
  const postgres = [
    ...servers.flatMap((server) => postgresSources(server, postgresOptions(tools))),
    ...resting.map(restingSource),
  ];
  const whole = physical.map((one) =>
    physicalSource(
      one,
      { foldersAbove: foldersAbove(one, physical, servers), foundation: foundations.get(one.server.name) },
      postgresOptions(tools),
    ),
  );
  const copies = await copyDatabases([...sqlite, ...postgres, ...whole], spool, tools, signal);
  const readme = await readmeOf(servers, copies, spool);
  const sqliteBytes = databases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const postgresBytes = copies.reduce((sum, { finding: { facts } }) => {
    return sum + Number(facts["dumpBytes"] ?? facts["copyBytes"] ?? 0);
  }, 0);
  const folder = folderSnapshot(files);
  return {
    files,
    all: [{ ...folder, members: [...folder.members, ...readme] }, ...copies],
    contentBytes: files.totals.sizeBytes + sqliteBytes + postgresBytes,
    readsInPlace: files.totals.files > 0,
  };
}

/** Each folder is on one list: that of the dumps' page, of a server's dumps, or of the first base backup in it. */
function foldersAbove(
  { server }: FoundPhysical,
  physical: readonly FoundPhysical[],
  servers: readonly FoundServer[],
): readonly string[] {
  const isFirst = physical[0]?.server === server;
  const hasDumps = servers.some((one) => one.server.name === server.name);
  return [...(servers.length === 0 && isFirst ? [DUMPS_FOLDER] : []), ...(hasDumps ? [] : [serverFolder(server.name)])];
}

async function readmeOf(
  servers: readonly FoundServer[],
  copies: readonly Snapshot[],
  spool: Spool,
): Promise<readonly MemberList[]> {
  if (servers.length === 0) return [];
  const dumped = servers.flatMap((server) =>
    copies.flatMap(({ finding: { name, facts } }): Dumped[] => {
      const database = server.databases.find((one) => `${server.server.name}/${one}` === name);
      return database === undefined || !("encoding" in facts)
        ? []
        : [{ server, database, facts: facts as unknown as DatabaseFacts }];
    }),
  );
  return [await readmeOfDumps(dumped, { folder: await spool.makeFolder("readme") })];
}

function postgresOptions({ config, clock }: Tools) {
  return { timeoutMs: config.postgresTimeoutMs, clock };
}
