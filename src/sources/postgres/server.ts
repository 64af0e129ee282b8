import type { Readable } from "node:stream";
import type { RunningProgram } from "../server-container.ts";

/** A PostgreSQL server to be saved, and the ways to it. Made by `serverByUrl` or `serverInContainer`. */
export interface PostgresServer {
  /** For reports, and the folder of its dumps; unique in one backup. */
  readonly name: string;
  /** Name of the container it is in, where that is known. */
  readonly container?: string;
  /** Where it is in the network, if it is reached by that. */
  readonly host?: string;
  readonly user: string;
  /** Names, or all there are but templates. */
  readonly databases: readonly string[] | "all";
  /** Databases that are left out on purpose. */
  readonly dismissed: readonly string[];
  /** What its container does instead of running: then nothing can be asked of it. */
  readonly atRest?: string;
  /** A database that is there, to ask what concerns all of them. */
  readonly entrance: string;
  /** Gives the one JSON value that `sql` selects. Rejects with a PostgresError. */
  ask(database: string, sql: string, signal: AbortSignal): Promise<unknown>;
  /** Starts one of PostgreSQL's client programs, which finds server, user and password by itself. */
  start(call: ProgramCall, signal: AbortSignal): RunningProgram;
  /** "image": the programs are those of this image, which may be too old. "server": they are the server's own. */
  readonly programs: "image" | "server";
}

/** A server of which base backups are taken. Made by `physicalServerByUrl`. */
export interface PhysicalServer extends Omit<PostgresServer, "databases" | "dismissed" | "atRest"> {
  /** Gives who it is, as one of its WAL senders tells it. Rejects with pg's own error. */
  identify(signal: AbortSignal): Promise<Identity>;
}

export interface Identity {
  /** Made by initdb, by chance. */
  readonly systemIdentifier: string;
  /** Another one after each promotion and each recovery to a point in time. */
  readonly timeline: number;
}

export interface ProgramCall {
  readonly program: "pg_basebackup" | "pg_dump" | "pg_dumpall" | "pg_restore" | "psql";
  readonly args: readonly string[];
  /** What it connects to. */
  readonly database: string;
  /** What it reads on its standard input: nothing by default. */
  readonly input?: Readable;
  /** Settings of its sessions, as libpq's PGOPTIONS has them. */
  readonly options?: string;
}

/** The same server, whose programs have these settings in their sessions. Its questions (`ask`) are as they were. */
export function withSettings(server: PostgresServer, settings: Readonly<Record<string, string>>): PostgresServer {
  const options = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
  if (options === "") return server;
  const added = (before?: string) => (before === undefined ? options : `${before} ${options}`);
  return { ...server, start: (call, signal) => server.start({ ...call, options: added(call.options) }, signal) };
}
