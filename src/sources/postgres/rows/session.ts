import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { LifeboatError } from "../../../errors.ts";
import { ChildError } from "../../../system/children.ts";
import { withDeadline } from "../../../system/clock.ts";
import { explained } from "../failure.ts";
import { psqlArgs } from "../psql-args.ts";
import type { PostgresServer } from "../server.ts";
import { SqlError } from "./sql-error.ts";

/**
 * One connection to a database, by psql, for a transaction that waits for us in between. Without a COMMIT nothing that
 * was done in it stays, whatever becomes of this process. Every method rejects with a SqlError for what the server
 * refuses, with a PostgresError for what becomes of the connection; the session is over then.
 */
export interface Session extends AsyncDisposable {
  /** What the database's user would find names in, in that order. */
  readonly schemas: readonly string[];
  /** Of the server: "UTF8". */
  readonly encoding: string;
  /** What statements and answers are in: UTF8, or what has no encoding. */
  readonly words: string;
  /** Runs statements. */
  run(sql: string): Promise<void>;
  /** Gives the one JSON value that `sql` selects. */
  ask(sql: string): Promise<unknown>;
  /** COPY … FROM STDIN. `rows` is in the encoding of the server; `sql` is ASCII. */
  copyIn(sql: string, rows: AsyncIterable<Buffer>): Promise<void>;
  /** COPY … TO STDOUT, in the encoding of the server or another one; `sql` is ASCII. To be read to its end. */
  copyOut(sql: string, encoding?: string): AsyncIterable<Buffer>;
}

const ARGS = psqlArgs("verbose", ["--tuples-only", "--no-align"]);

/** `lockWaitMs`: how long a statement waits for a lock. */
export async function openSession(
  server: PostgresServer,
  database: string,
  lockWaitMs: number,
  signal: AbortSignal,
): Promise<Session> {
  const line = openLine(server, database, signal);
  try {
    const { pid, ...facts } = JSON.parse(await text(line.exchange(opening(lockWaitMs)))) as Facts;
    line.terminateBy(pid);
    return {
      ...facts,
      async run(sql) {
        await text(line.exchange(`${sql};\n`));
      },
      async ask(sql) {
        return JSON.parse(await text(line.exchange(`${sql};\n`))) as unknown;
      },
      async copyIn(sql, rows) {
        await text(line.exchange(`${inEncoding(facts.encoding)}${sql};\n`, rows));
        await text(line.exchange(inEncoding(facts.words)));
      },
      async *copyOut(sql, encoding = facts.encoding) {
        yield* line.exchange(`${inEncoding(encoding)}${sql};\n`);
        await text(line.exchange(inEncoding(facts.words)));
      },
      [Symbol.asyncDispose]: () => line.close(),
    };
  } catch (error) {
    await line.close();
    throw error;
  }
}

interface Facts {
  readonly pid: number;
  readonly schemas: readonly string[];
  readonly encoding: string;
  readonly words: string;
}

function inEncoding(encoding: string): string {
  return `SET client_encoding = '${encoding}';\n`;
}

/** Every type's text is to be the same in both databases, and to mean the same. */
function opening(lockWaitMs: number): string {
  return `SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT json_build_object('pid', pg_backend_pid(), 'schemas', current_schemas(false), 'encoding', current_setting('server_encoding'),
  'words', set_config('client_encoding', CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false));
SET search_path = '';
SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC';
SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmloption = 'content';
SET row_security = off; SET synchronous_commit = on; SET client_min_messages = warning;
SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = ${lockWaitMs};
`;
}

interface Line {
  /** Sends statements, and rows for the last of them; gives what they print. To be read to its end. */
  exchange(statements: string, rows?: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void>;
  /** From now on an abort ends this process of the server first: psql may be waiting for it. */
  terminateBy(pid: number): void;
  close(): Promise<void>;
}

const TERMINATE_MS = 5000;

function openLine(server: PostgresServer, database: string, signal: AbortSignal): Line {
  const stop = new AbortController();
  const input = new PassThrough();
  const psql = server.start({ program: "psql", args: ARGS, database, input }, stop.signal);
  const output = psql.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let pending: Buffer = Buffer.alloc(0);
  let terminate = async () => {};
  const onAbort = () => void terminate().finally(() => stop.abort(signal.reason));
  if (signal.aborted) stop.abort(signal.reason);
  else signal.addEventListener("abort", onAbort, { once: true });
  let isGone = false;
  const gone = psql.done.then(
    () => void (isGone = true),
    () => void (isGone = true),
  );

  /** Undefined at its end, however it came to that: `done` says. */
  const nextOutput = async (): Promise<Buffer | undefined> => {
    const next = await output.next().catch(() => undefined);
    return next === undefined || next.done ? undefined : next.value;
  };
  const failure = async (): Promise<unknown> => {
    const error = await psql.done.then(
      () => new LifeboatError("failed", "psql ended early"),
      (reason: unknown) => reason,
    );
    signal.throwIfAborted();
    const said = error instanceof ChildError ? SqlError.from(error.stderr) : undefined;
    return (
      said ?? (error instanceof LifeboatError ? explained(error, `work in database '${database}'`, server) : error)
    );
  };
  const write = async (bytes: Buffer | string) => {
    // A psql that is gone reads no more, and would have all of it pile up here; its end is told by its output.
    if (isGone || input.write(bytes)) return;
    await Promise.race([new Promise((resolve) => input.once("drain", resolve)), gone]);
  };
  const send = async (statements: string, rows: AsyncIterable<Buffer> | undefined, token: string) => {
    await write(statements);
    if (rows) {
      for await (const chunk of rows) await write(chunk);
      await write("\\.\n");
    }
    await write(`\\echo ${token}\n`);
  };
  return {
    terminateBy(pid) {
      terminate = async () => {
        using deadline = withDeadline(TERMINATE_MS, () => new Error("no answer"));
        const sql = `SELECT json_build_array(pg_catalog.pg_terminate_backend(${pid}))`;
        await server.ask(database, sql, deadline).catch(() => {
          // Then psql ends with its statement, whose locks have a deadline; nothing commits.
        });
      };
    },
    async *exchange(statements, rows) {
      const token = randomBytes(16).toString("hex");
      const end = Buffer.from(`${token}\n`);
      const sending = send(statements, rows, token);
      const unsent = new Promise<never>((_, reject) => void sending.catch(reject));
      unsent.catch(() => {
        // Whoever waits for an answer is told.
      });
      for (;;) {
        const at = pending.indexOf(end);
        const upTo = at < 0 ? Math.max(0, pending.length - end.length + 1) : at;
        if (upTo > 0) yield pending.subarray(0, upTo);
        pending = pending.subarray(at < 0 ? upTo : at + end.length);
        if (at >= 0) break;
        const next = await Promise.race([nextOutput(), unsent]);
        if (next === undefined) throw await failure();
        pending = Buffer.concat([pending, next]);
      }
      await sending;
    },
    async close() {
      // Without a COMMIT, the end of its input is a rollback.
      input.end();
      while ((await nextOutput()) !== undefined);
      await gone;
      signal.removeEventListener("abort", onAbort);
    },
  };
}
