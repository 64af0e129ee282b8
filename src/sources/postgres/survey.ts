import type { Clock } from "../../system/clock.ts";
import { clientVersion, type ClientVersion } from "./check.ts";
import { PostgresError } from "./failure.ts";
import { serverFacts, type ServerFacts } from "./facts.ts";
import { patiently } from "./patience.ts";
import { omittedFrom, type Omitted } from "./omitted.ts";
import type { PostgresServer } from "./server.ts";

/** A server that answers and can be dumped, and what is to be dumped of it. */
export interface FoundServer {
  readonly server: PostgresServer;
  readonly facts: ServerFacts;
  readonly databases: readonly string[];
  /** The programs of this image. */
  readonly client: ClientVersion;
  /** Of the databases: about as much as their dumps will take, as those are not compressed and hold no indexes. */
  readonly sizeBytes: number;
  /** Undefined: all that it holds is dumped, or left out on purpose. */
  readonly omitted: Omitted | undefined;
}

export interface PostgresOptions {
  /** For one database: waiting for the server and for locks, dumping and checking. Then it fails. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Asks each server what it is and holds; one that is starting or full is asked again for a while.
 * Rejects if one of them cannot be dumped: it does not answer, lets us not in, lacks a database that was named, or is
 * newer than the programs that would dump it.
 */
export async function surveyPostgres(
  servers: readonly PostgresServer[],
  { timeoutMs, clock }: PostgresOptions,
  signal: AbortSignal,
): Promise<readonly FoundServer[]> {
  if (servers.length === 0) return [];
  const client = await clientVersion("pg_dump", signal);
  return await Promise.all(
    servers.map(async (server): Promise<FoundServer> => {
      const { facts, ...entered } = await patiently(() => enter(server, signal), timeoutMs, clock, signal);
      refuseNewer(server, facts, client);
      const databases = wantedOf(server, facts);
      for (const database of databases) requireThere(server, database, facts);
      const wanted = facts.databases.filter(({ name }) => databases.includes(name));
      const sizeBytes = wanted.reduce((sum, one) => sum + one.sizeBytes, 0);
      const omitted = await omittedFrom(entered.server, databases, facts, signal);
      return { ...entered, facts, databases, client, sizeBytes, omitted };
    }),
  );
}

/**
 * Asks a server what it is and holds. Where nobody has named a database of it, and `postgres` is gone or lets us not in,
 * that is done by another one, which is its `entrance` from then on.
 */
export async function enter(
  server: PostgresServer,
  signal: AbortSignal,
): Promise<{ readonly server: PostgresServer; readonly facts: ServerFacts }> {
  try {
    return { server, facts: await serverFacts(server, signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (server.databases !== "all" || !(error instanceof PostgresError) || error.passing) throw error;
    const byAnother = { ...server, entrance: "template1" };
    const facts = await serverFacts(byAnother, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (facts === undefined) throw error;
    return { server: byAnother, facts };
  }
}

function wantedOf({ databases, dismissed }: PostgresServer, facts: ServerFacts): readonly string[] {
  if (databases !== "all") return databases;
  return facts.databases.map(({ name }) => name).filter((name) => !dismissed.includes(name));
}

export function majorOf({ versionNumber }: Pick<ServerFacts, "versionNumber">): number {
  return Math.floor(versionNumber / 10_000);
}

function refuseNewer({ name, programs }: PostgresServer, facts: ServerFacts, client: ClientVersion): void {
  if (programs === "server" || majorOf(facts) <= client.major) return;
  throw new PostgresError(
    `PostgreSQL server '${name}' has version ${facts.version}, newer than this image's pg_dump, which is ${client.version}`,
    {
      hint: "pg_dump cannot dump newer servers. If the server is a container, label it 'lifeboat.postgres=true' instead: then its own pg_dump is used.",
    },
  );
}

function requireThere({ name }: PostgresServer, database: string, { databases }: ServerFacts): void {
  if (databases.some((one) => one.name === database)) return;
  const others = databases.slice(0, 10).map((one) => `'${one.name}'`);
  throw new PostgresError(`PostgreSQL server '${name}' has no database '${database}'`, {
    absent: true,
    hint: `It has ${others.join(", ") || "none that lets anyone in"}.`,
  });
}
