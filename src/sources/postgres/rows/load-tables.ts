import { createReadStream } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describeError, LifeboatError } from "../../../errors.ts";
import { ChildError } from "../../../system/children.ts";
import { PostgresError } from "../failure.ts";
import type { PostgresServer } from "../server.ts";
import { literal } from "../sql.ts";
import type { Described } from "./describe.ts";
import type { TableName } from "./names.ts";
import type { Session } from "./session.ts";
import { SqlError } from "./sql-error.ts";
import { rowsOf } from "./table.ts";

/** A dump on this machine, and an empty database to load parts of it into. */
export interface Loading {
  readonly server: PostgresServer;
  readonly database: string;
  readonly path: string;
}

/** Who owns what, and who may do what, means nothing there; roles need not exist. */
const BARE = ["--no-owner", "--no-privileges", "--no-tablespaces", "--no-comments", "--no-security-labels"];

/** Schemas, types, functions and tables, without rows, indexes, keys and triggers. */
export async function loadDefinitions(loading: Loading, signal: AbortSignal): Promise<void> {
  await pour(loading, ["--section=pre-data", ...BARE], undefined, signal);
}

/** The rows of some tables, or of all. */
export async function loadRows(
  loading: Loading,
  tables: readonly TableName[] | "all",
  signal: AbortSignal,
): Promise<void> {
  if (tables === "all") return await pour(loading, ["--section=data"], ROWS, signal);
  const bySchema = Map.groupBy(tables, ({ schema }) => schema);
  for (const [schema, members] of bySchema) {
    const names = members.map(({ name }) => `--table=${name}`);
    await pour(loading, ["--data-only", "--strict-names", `--schema=${schema}`, ...names], ROWS, signal);
  }
}

/** A table, or the partitions in which its rows lie. */
export async function heldIn(scratch: Session, table: Described): Promise<readonly TableName[]> {
  const start = literal(rowsOf(table).replace(/^ONLY /, ""));
  const below =
    table.kind === "p" ? "UNION ALL SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = tree.oid" : "";
  const sql = `WITH RECURSIVE tree(oid) AS (SELECT ${start}::regclass::oid ${below})
    SELECT coalesce(json_agg(json_build_object('schema', n.nspname, 'name', c.relname)), '[]')
    FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'`;
  return (await scratch.ask(sql)) as TableName[];
}

/** Where rows begin, no line is ours to look at any more. */
const ROWS = /^COPY /;
/** What pg_dump and pg_restore write down for servers newer than this one (foreign-words.ts, and 17's transaction_timeout). */
const FOREIGN = /^(ALTER .* SET \(pg_attver=\d+\);|SET transaction_timeout = 0;)$/;

/** As text through psql, because pg_restore cannot be told to leave out what this server does not understand. */
async function pour(
  { server, database, path }: Loading,
  args: readonly string[],
  until: RegExp | undefined,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const dump = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const sql = new PassThrough();
  const restore = server.start({ program: "pg_restore", args: [...args, "--file=-"], database, input: dump }, both);
  const psql = server.start({ program: "psql", args: PSQL, database, input: sql }, both);
  psql.stdout.resume();
  const failures: unknown[] = [];
  const follow = async (done: Promise<unknown>) => {
    try {
      await done;
    } catch (error) {
      failures.push(error);
      stop.abort(error);
      sql.destroy();
    }
  };
  const pouring = pipeline(restore.stdout, (chunks) => understood(chunks as AsyncIterable<Buffer>, until), sql);
  pouring.catch(() => {
    // Whoever of the two ended too early says why.
  });
  await Promise.all([follow(restore.done), follow(psql.done)]);
  dump.destroy();
  signal.throwIfAborted();
  if (failures.length > 0) throw refusedLoad(failures[0], server);
  await pouring;
}

const PSQL = [
  ...["--no-psqlrc", "--no-password", "--quiet", "--output=/dev/null", "--file=-"],
  ...["ON_ERROR_STOP=1", "VERBOSITY=verbose", "SHOW_CONTEXT=never"].map((one) => `--set=${one}`),
];

async function* understood(sql: AsyncIterable<Buffer>, until: RegExp | undefined): AsyncGenerator<Buffer, void> {
  let line: Buffer = Buffer.alloc(0);
  let isOver = false;
  for await (const chunk of sql) {
    line = line.length === 0 ? chunk : Buffer.concat([line, chunk]);
    for (let end = line.indexOf(NEWLINE); end >= 0 && !isOver; end = line.indexOf(NEWLINE)) {
      const text = line.toString("latin1", 0, end);
      isOver = until?.test(text) ?? false;
      if (!FOREIGN.test(text)) yield line.subarray(0, end + 1);
      line = line.subarray(end + 1);
    }
    if (!isOver) continue;
    yield line;
    line = Buffer.alloc(0);
  }
  yield line;
}

const NEWLINE = 0x0a;

function refusedLoad(error: unknown, { name, user }: PostgresServer): unknown {
  if (!(error instanceof ChildError)) return error;
  const said = SqlError.from(error.stderr);
  const words = said?.message ?? describeError(error);
  const extension = /extension "([^"]+)" is not available|control file ".*\/([^/"]+)\.control"/.exec(words);
  if (extension) {
    const missing = extension[1] ?? extension[2];
    return new PostgresError(
      `the dump needs the extension '${missing}', which PostgreSQL server '${name}' does not have`,
      {
        cause: error,
        hint: `Nothing was touched. Install '${missing}' on the server.`,
      },
    );
  }
  if (said?.code === "42501") {
    return new PostgresError(`user '${user}' of PostgreSQL server '${name}' may not load the dump: ${words}`, {
      hint: "Nothing was touched. Give this one command a user who may, such as the databases' owner or a superuser.",
    });
  }
  return new LifeboatError("failed", `the dump cannot be loaded into a scratch database of '${name}': ${words}`, {
    cause: error,
    hint: "Nothing was touched.",
  });
}
