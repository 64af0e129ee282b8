import { PostgresError } from "./failure.ts";
import type { ServerFacts } from "./facts.ts";
import type { PostgresServer } from "./server.ts";

/** What a server holds beside that which is dumped of it, and nobody said should be left out. */
export interface Omitted {
  /** Largest first, the first ten. */
  readonly databases: ServerFacts["databases"];
  /** None of those that are dumped holds anything. */
  readonly isAllThereIs: boolean;
}

/** Looked into: the largest of those that are not dumped. A server may have thousands that are none of our business. */
const MAX_LOOKS = 20;
const MAX_NAMED = 10;

/** Undefined if nothing is omitted. A database that lets the user not in is taken for one that holds something. */
export async function omittedFrom(
  server: PostgresServer,
  dumped: readonly string[],
  facts: ServerFacts,
  signal: AbortSignal,
): Promise<Omitted | undefined> {
  const others = facts.databases
    .filter(({ name }) => !dumped.includes(name) && !server.dismissed.includes(name))
    .sort((one, other) => other.sizeBytes - one.sizeBytes);
  const databases: Omitted["databases"][number][] = [];
  for (const one of others.slice(0, MAX_LOOKS)) {
    if (databases.length < MAX_NAMED && (await holdsSomething(server, one.name, signal))) databases.push(one);
  }
  if (databases.length === 0) return undefined;
  for (const name of dumped) {
    if (await holdsSomething(server, name, signal)) return { databases, isAllThereIs: false };
  }
  return { databases, isAllThereIs: true };
}

/** In one line: "'app' (12 MiB), 'shop' (of unknown size)". */
export function listed({ databases }: Omitted): string {
  return databases.map(({ name, sizeBytes }) => `'${name}' (${sizeOf(sizeBytes)})`).join(", ");
}

/** The size of a database that the user may not enter is told as 0. */
function sizeOf(bytes: number): string {
  return bytes === 0 ? "of unknown size" : `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/** Tables of extensions too: what pg_cron is to do lies in one. */
const HOLDS = `
SELECT json_build_array(
  EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'm') AND relpersistence <> 't' AND nspname NOT IN ('pg_catalog', 'information_schema'))
  OR EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata))`;

async function holdsSomething(server: PostgresServer, database: string, signal: AbortSignal): Promise<boolean> {
  try {
    const [holds] = (await server.ask(database, HOLDS, signal)) as [boolean];
    return holds;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PostgresError)) throw error;
    return !error.absent;
  }
}
