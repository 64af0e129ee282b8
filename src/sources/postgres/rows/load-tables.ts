import { describeError, LifeboatError } from "../../../errors.ts";
import { ChildError } from "../../../system/children.ts";
import { PostgresError } from "../failure.ts";
import { pour } from "../pour.ts";
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
  await load(loading, ["--section=pre-data", ...BARE], undefined, signal);
}

/** The rows of some tables, or of all. */
export async function loadRows(
  loading: Loading,
  tables: readonly TableName[] | "all",
  signal: AbortSignal,
): Promise<void> {
  if (tables === "all") return await load(loading, ["--section=data"], ROWS, signal);
  const bySchema = Map.groupBy(tables, ({ schema }) => schema);
  for (const [schema, members] of bySchema) {
    const names = members.map(({ name }) => `--table=${name}`);
    await load(loading, ["--data-only", "--strict-names", `--schema=${schema}`, ...names], ROWS, signal);
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
async function load(
  { server, database, path }: Loading,
  args: readonly string[],
  until: RegExp | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    await pour(server, { database, path, args, verbosity: "verbose", ...(until ? { until } : {}) }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw refusedLoad(error, server);
  }
}

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
