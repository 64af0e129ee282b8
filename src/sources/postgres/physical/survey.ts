import type { Clock } from "../../../system/clock.ts";
import { clientVersion, type ClientVersion } from "../check.ts";
import { PostgresError } from "../failure.ts";
import { patiently } from "../patience.ts";
import type { Identity, PhysicalServer } from "../server.ts";
import { majorOf, type PostgresOptions } from "../survey.ts";
import { explainedPhysical } from "./failure.ts";
import { physicalFacts, type PhysicalFacts } from "./facts.ts";

/** A server that lets us take a base backup of it. */
export interface FoundPhysical extends Identity {
  readonly server: PhysicalServer;
  readonly facts: PhysicalFacts;
  /** pg_basebackup of this image. */
  readonly client: ClientVersion;
  /** Of its databases, and some files of the write-ahead log: how much the base backup may take. */
  readonly sizeBytes: number;
}

/**
 * Asks each server what it is, and whether one of its WAL senders talks to us. One that is starting or full is asked
 * again for a while. Rejects if a base backup of one of them cannot be taken.
 */
export async function surveyPhysical(
  servers: readonly PhysicalServer[],
  { timeoutMs, clock }: PostgresOptions,
  signal: AbortSignal,
): Promise<readonly FoundPhysical[]> {
  if (servers.length === 0) return [];
  const client = await clientVersion("pg_basebackup", signal);
  return await Promise.all(servers.map((server) => surveyOne(server, client, timeoutMs, clock, signal)));
}

async function surveyOne(
  server: PhysicalServer,
  client: ClientVersion,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<FoundPhysical> {
  const attempt = async () => {
    const facts = await physicalFacts(server, signal);
    refuseNewer(server, facts, client);
    requireWal(server, facts);
    try {
      return { facts, identity: await server.identify(signal) };
    } catch (error) {
      signal.throwIfAborted();
      throw explainedPhysical(error, "ask a WAL sender", server);
    }
  };
  const { facts, identity } = await patiently(attempt, timeoutMs, clock, signal);
  return { server, facts, ...identity, client, sizeBytes: facts.sizeBytes + WAL_FILES * facts.segmentBytes };
}

/** What a server writes while it is copied nobody knows before; a quiet one takes two. */
const WAL_FILES = 4;

function refuseNewer({ name }: PhysicalServer, facts: PhysicalFacts, client: ClientVersion): void {
  if (majorOf(facts) <= client.major) return;
  throw new PostgresError(
    `PostgreSQL server '${name}' has version ${facts.version}, newer than this image's pg_basebackup, which is ${client.version}`,
    { hint: "pg_basebackup cannot copy newer servers. Use a newer image." },
  );
}

/** One WAL sender for the files, and one for the log that is written meanwhile. */
const SENDERS = 2;

function requireWal({ name }: PhysicalServer, { walLevel, maxWalSenders, walSenders }: PhysicalFacts): void {
  if (walLevel === "minimal") {
    throw new PostgresError(
      `PostgreSQL server '${name}' writes too little to its log for a base backup: wal_level is 'minimal'`,
      {
        hint: "Set wal_level to 'replica', its default, and restart the server.",
      },
    );
  }
  if (maxWalSenders - walSenders >= SENDERS) return;
  throw new PostgresError(
    `PostgreSQL server '${name}' has no ${SENDERS} WAL senders free: ${walSenders} of ${maxWalSenders} are in use`,
    {
      passing: maxWalSenders >= SENDERS,
      hint: "A base backup takes two: raise max_wal_senders, and restart the server.",
    },
  );
}
