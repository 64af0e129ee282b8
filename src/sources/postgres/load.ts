import { z } from "zod";
import { LifeboatError } from "../../errors.ts";
import { ChildError } from "../../system/children.ts";
import { dumpBytes } from "./dump-bytes.ts";
import { readableDump } from "./dump-file.ts";
import type { DatabaseFacts } from "./facts.ts";
import { PostgresError } from "./failure.ts";
import { runToEnd } from "./output.ts";
import { pour, type Pouring } from "./pour.ts";
import type { PostgresServer } from "./server.ts";
import { endSessions } from "./sessions.ts";
import { identifier, literal, runSql, selectJson } from "./sql.ts";
import { tableOfContents } from "./toc.ts";
import type { Clock } from "../../system/clock.ts";

/** What must be the same for a dump to mean the same. */
export type Likeness = Pick<DatabaseFacts, "encoding" | "collate" | "ctype" | "localeProvider" | "locale"> & {
  readonly icuRules?: string | null | undefined;
};

/**
 * A database of `server` that is there, and none of `others`: to make, rename and drop those from.
 * Rejects with the server's own refusal if neither `postgres` nor `template1` lets us in.
 */
export async function vantagePoint(
  server: PostgresServer,
  others: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  let refusal: unknown;
  for (const database of new Set(["postgres", server.entrance, "template1"])) {
    if (others.includes(database)) continue;
    try {
      await server.ask(database, "SELECT json_build_array()", signal);
      return database;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PostgresError) || error.passing) throw error;
      refusal ??= error;
    }
  }
  throw refusal instanceof Error
    ? refusal
    : new LifeboatError("failed", `server '${server.name}' has no other database`);
}

/**
 * Makes an empty database with the encoding and locale of a recorded one. `from` is another database, to ask from
 * (`vantagePoint`); without an `owner` it belongs to the server's user. Rejects with a PostgresError, also if there is
 * one of that name already, or the server does not have the locale.
 */
export async function createDatabaseLike(
  server: PostgresServer,
  {
    name,
    like,
    owner,
    from,
  }: { readonly name: string; readonly like: Likeness; readonly owner?: string; readonly from: string },
  signal: AbortSignal,
): Promise<void> {
  const options = [
    "TEMPLATE template0",
    ...(owner === undefined ? [] : [`OWNER ${identifier(owner)}`]),
    `ENCODING ${literal(like.encoding)}`,
    `LC_COLLATE ${literal(like.collate)}`,
    `LC_CTYPE ${literal(like.ctype)}`,
    ...providerOf(like),
  ];
  const sql = `CREATE DATABASE ${identifier(name)} ${options.join(" ")};`;
  await runSql(server, from, { what: `create database '${name}'`, sql }, signal);
}

/** Servers before 15 know libc alone, and not the word. */
function providerOf({ localeProvider, locale, icuRules }: Likeness): readonly string[] {
  if (localeProvider === "i") {
    const rules = icuRules ? [`ICU_RULES ${literal(icuRules)}`] : [];
    return ["LOCALE_PROVIDER icu", ...(locale ? [`ICU_LOCALE ${literal(locale)}`] : []), ...rules];
  }
  if (localeProvider === "b")
    return ["LOCALE_PROVIDER builtin", ...(locale ? [`BUILTIN_LOCALE ${literal(locale)}`] : [])];
  return [];
}

export interface Load {
  readonly database: string;
  /** Of the dump, a file of this machine. */
  readonly path: string;
  /** A file of this machine: the entries of the dump that are loaded, in their order (`--use-list`). Default: all. */
  readonly list?: string;
  /** What the names in the dump's functions are looked up in, as SET has it. Default: nothing, as pg_dump means it. */
  readonly searchPath?: string;
  /** More arguments of pg_restore that narrow what is loaded (`--table=…`, `--no-owner`). */
  readonly args?: readonly string[];
  /** Told now and then how much of the dump has been read. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Loads a dump in pg_dump's custom format into an empty database with pg_restore, which stops at the first error.
 * Resolves when all of it is in; rejects with a PostgresError, and what is there then is of no use.
 */
export async function loadDump(server: PostgresServer, load: Load, signal: AbortSignal): Promise<void> {
  const { database, path, list, searchPath, onProgress } = load;
  const args = [...(load.args ?? []), ...(list === undefined ? [] : [`--use-list=${list}`])];
  try {
    if (await mustBeText(server, load, signal)) {
      const pouring = { database, path, args, searchPath, until: FIRST_ROWS, onProgress } as const;
      await pour(server, { ...pouring, verbosity: "terse" }, signal);
    } else {
      await loadDirectly(server, { database, path, args, onProgress }, signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ChildError)) throw error;
    // Its last lines are the statement that failed; the reason stands before that.
    const [, said = "it ended early"] =
      /(?:error: (?:could not execute query: )?(?:ERROR: +)?|ERROR: +)(.*)/.exec(error.stderr) ?? [];
    throw new PostgresError(`cannot load the dump into '${database}' of PostgreSQL server '${server.name}': ${said}`, {
      cause: error,
    });
  }
}

async function loadDirectly(
  server: PostgresServer,
  { database, path, args, onProgress }: Pick<Pouring, "database" | "path" | "args" | "onProgress">,
  signal: AbortSignal,
): Promise<void> {
  const all = ["--exit-on-error", "--no-password", `--dbname=${connectionTo(database)}`, ...args];
  const input = dumpBytes(path, onProgress);
  try {
    await runToEnd(server, { program: "pg_restore", args: all, database, input }, signal);
  } finally {
    input.destroy();
  }
}

/** What only definitions come before; in them is all that an older server does not know. */
const FIRST_ROWS = /^COPY .* FROM stdin;$/;

/** The first major that knows every setting that pg_restore of this image begins with: transaction_timeout. */
const FIRST_WITH_ALL_SETTINGS = 17;

/** True where pg_restore itself cannot speak to the server, or does not read the dump, or a file of this machine. */
async function mustBeText(server: PostgresServer, load: Load, signal: AbortSignal): Promise<boolean> {
  const { database, path, list, searchPath } = load;
  if (searchPath !== undefined) return true;
  if (list !== undefined && server.programs === "server") return true;
  const major = await majorNow(server, database, signal);
  if (server.programs === "image" && major < FIRST_WITH_ALL_SETTINGS) return true;
  const { writtenBy, dumpedFrom } = await tableOfContents(await readableDump(path, server, signal), signal);
  // A newer pg_dump than the server's own writes down what no server takes (foreign-words.ts).
  return writtenBy > Math.min(major, dumpedFrom);
}

/** Of the server. Asked as its programs ask, whose sessions may have settings of ours. */
async function majorNow(server: PostgresServer, database: string, signal: AbortSignal): Promise<number> {
  const sql = "SELECT current_setting('server_version_num')::int / 10000;";
  return Number(await selectJson(server, database, sql, signal));
}

/** A name that looks like a connection string would be read as one. */
export function connectionTo(database: string): string {
  if (!/[=\s'\\]|:\/\//.test(database)) return database;
  return `dbname='${database.replace(/['\\]/g, "\\$&")}'`;
}

/**
 * Drops a database if it is there, ending the sessions in it. `from` is another database (`vantagePoint`).
 * Rejects with a PostgresError.
 */
export async function dropDatabase(
  server: PostgresServer,
  { name, from }: { readonly name: string; readonly from: string },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const act = { what: `drop database '${name}'`, sql: `DROP DATABASE IF EXISTS ${identifier(name)};` };
  await endSessions(server, { databases: [name], from }, act, clock, signal);
}

const likeness = z.object({
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  localeProvider: z.string(),
  locale: z.string().nullable(),
  icuRules: z.string().nullish(),
  extensions: z.record(z.string(), z.string()),
  largeObjects: z.number(),
  tableCount: z.number(),
  sizeBytes: z.number(),
  /** Of the server that was dumped: 180006. */
  versionNumber: z.number(),
  version: z.string(),
});

/** What a receipt has about a database that was dumped. */
export type RecordedDatabase = Readonly<z.infer<typeof likeness>>;

/** Reads the `facts` of a receipt's source of kind "postgres". Undefined if it is none of a database, or was not dumped. */
export function recordedDatabase(facts: Readonly<Record<string, unknown>>): RecordedDatabase | undefined {
  return likeness.safeParse(facts).data;
}
