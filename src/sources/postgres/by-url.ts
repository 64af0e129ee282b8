import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { startChild } from "../../system/children.ts";
import type { Secret } from "../../system/secret.ts";
import { explained } from "./failure.ts";
import type { RunningProgram } from "../server-container.ts";
import type { PhysicalServer, PostgresServer, ProgramCall } from "./server.ts";

/** Where a server is, as BACKUP_POSTGRES says. */
export interface PostgresAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly databases: readonly string[] | "all";
  /** libpq's words. */
  readonly sslMode: SslMode;
  /** File of the authorities to trust; undefined: the system's. */
  readonly sslRootCert?: string;
  readonly password?: Secret;
  /** libpq's password file, for servers without a password of their own. */
  readonly passfile?: string;
}

export type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** A server reached over the network, by the programs of this image. */
export function serverByUrl(address: PostgresAddress): PostgresServer {
  const { name, host, user, databases } = address;
  return {
    ...{ name, host, user, databases },
    dismissed: [],
    programs: "image",
    entrance: databases === "all" ? "postgres" : (databases[0] ?? "postgres"),
    ask: (database, sql, signal) => ask(address, database, sql, signal),
    start: (call, signal) => start(address, call, signal),
  };
}

/** A server of which base backups are taken. */
export function physicalServerByUrl(address: PostgresAddress): PhysicalServer {
  return {
    ...serverByUrl(address),
    async identify(signal) {
      const question = { database: "replication", sql: "IDENTIFY_SYSTEM", replication: "true" } as const;
      const row = await withOrWithoutTls(address, (ssl) => askOnce(address, question, ssl, signal));
      return { systemIdentifier: String(row[0]), timeline: Number(row[1]) };
    },
  };
}

const CONNECT_MS = 10_000;
const QUESTION_MS = 60_000;

async function ask(address: PostgresAddress, database: string, sql: string, signal: AbortSignal): Promise<unknown> {
  try {
    return (await withOrWithoutTls(address, (ssl) => askOnce(address, { database, sql }, ssl, signal)))[0];
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error, `ask database '${database}'`, { ...address, programs: "image" });
  }
}

/** libpq's `prefer`: once more in clear where the server has no TLS. */
async function withOrWithoutTls<T>(address: PostgresAddress, attempt: (ssl: Ssl) => Promise<T>): Promise<T> {
  try {
    return await attempt(sslOf(address));
  } catch (error) {
    if (address.sslMode !== "prefer" || !String(error).includes("does not support SSL")) throw error;
  }
  return await attempt(false);
}

type Ssl = pg.ClientConfig["ssl"] & {};

interface Question {
  readonly database: string;
  readonly sql: string;
  /** "true": to a WAL sender, which knows a few commands instead of SQL. */
  readonly replication?: "true";
}

/** The first row of the answer. */
async function askOnce(
  { host, port, user, password }: PostgresAddress,
  { sql, ...where }: Question,
  ssl: Ssl,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const client = new pg.Client({
    ...{ host, port, user, ssl, ...where },
    // Without one, pg looks into PGPASSFILE itself.
    ...(password ? { password: password.reveal() } : {}),
    application_name: "lifeboat",
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUESTION_MS,
    statement_timeout: QUESTION_MS,
  });
  client.on("error", () => {
    // A connection that breaks is told by the question that was waiting for its answer.
  });
  const hangUp = () => void client.end();
  signal.addEventListener("abort", hangUp, { once: true });
  try {
    signal.throwIfAborted();
    await client.connect();
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: "array" });
    return rows[0] ?? [];
  } finally {
    signal.removeEventListener("abort", hangUp);
    await client.end().catch(() => {
      // It was lost already, which the question has told.
    });
  }
}

/** The meanings of libpq's `sslmode`, which pg does not share, and its authorities: Node has a list of its own. */
function sslOf({ sslMode, sslRootCert }: PostgresAddress): Ssl {
  const ca = sslRootCert === undefined ? {} : { ca: readFileSync(sslRootCert, "utf8") };
  switch (sslMode) {
    case "disable":
      return false;
    case "prefer":
      return { rejectUnauthorized: false };
    case "require":
      // With authorities named, libpq checks the certificate here as well.
      return sslRootCert === undefined
        ? { rejectUnauthorized: false }
        : { ...ca, checkServerIdentity: () => undefined };
    case "verify-ca":
      return { ...ca, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ca: sslRootCert === undefined ? getCACertificates("system") : readFileSync(sslRootCert, "utf8") };
  }
}

function start(address: PostgresAddress, call: ProgramCall, signal: AbortSignal): RunningProgram {
  const { program, args, input } = call;
  const session = call.options === undefined ? {} : { PGOPTIONS: call.options };
  const env = { ...environmentOf(address, call.database), ...session };
  // pg_basebackup has a process for the log, which outlives it when it is ended by a signal, and goes on receiving.
  const child = startChild({ program, args, env }, { signal, leftBehind: "kill" });
  child.stdin.on("error", () => {
    // The program ended without reading its input; its exit code says whether that matters.
  });
  if (input) {
    pipeline(input, child.stdin).catch(() => {
      // Nor did it get all of its input where that broke off: its exit code tells.
    });
  } else {
    child.stdin.end();
  }
  return child;
}

/** Everything by environment: names that look like connection strings are taken as names, and no password is an argument. */
function environmentOf(address: PostgresAddress, database: string): Record<string, string> {
  const { host, port, user, sslMode, sslRootCert, password, passfile } = address;
  const roots = sslRootCert ?? (sslMode.startsWith("verify-") ? "system" : undefined);
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGSSLMODE: sslMode,
    PGAPPNAME: "lifeboat",
    PGCONNECT_TIMEOUT: String(CONNECT_MS / 1000),
    ...(roots === undefined ? {} : { PGSSLROOTCERT: roots }),
    ...(password ? { PGPASSWORD: password.reveal() } : {}),
    ...(passfile === undefined ? {} : { PGPASSFILE: passfile }),
  };
}
