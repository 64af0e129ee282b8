import { randomBytes } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { describeError, LifeboatError } from "../../errors.ts";
import { createDatabaseLike, dropDatabase, vantagePoint, type Likeness } from "../../sources/postgres/load.ts";
import type { PostgresServer } from "../../sources/postgres/server.ts";
import { withDeadline } from "../../system/clock.ts";
import { isSystemError, writeAtomically } from "../../system/files.ts";
import type { Conduct } from "../conduct/conduct.ts";
import type { Tools } from "../conduct/tools.ts";

/** Databases of ours on live servers, by what is needed to find and drop them. Written before they are made. */
const noted = z.array(z.object({ server: z.string(), database: z.string() }));
type Noted = z.infer<typeof noted>;

/** For dropping what is no longer needed: also when the run has no time left. */
const DROP_MS = 90_000;
const CREATE_MS = 60_000;

function tooLate(afterMs: number): () => Error {
  return () => new LifeboatError("failed", `the server was not done within ${afterMs / 1000} s`);
}

/**
 * Makes an empty database like a recorded one on its server, lets `work` have it, and drops it, whatever came of that.
 * What cannot be dropped is told, and tried again by the next run. The caller holds the lock.
 */
export async function withScratchDatabase<T>(
  server: PostgresServer,
  like: Likeness,
  work: (database: string) => Promise<T>,
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<T> {
  const database = newName(tools.config.name);
  const from = await vantagePoint(server, [], signal);
  await note(tools, (before) => [...before, { server: server.name, database }]);
  try {
    await create(server, { name: database, like, from });
    signal.throwIfAborted();
    return await work(database);
  } finally {
    using deadline = withDeadline(DROP_MS, tooLate(DROP_MS));
    try {
      await drop(server, database, tools, deadline);
    } catch (error) {
      run.warn(`database '${database}' of PostgreSQL server '${server.name}' is left over: ${describeError(error)}`, {
        hint: `The next run drops it. By hand: DROP DATABASE ${database}`,
      });
    }
  }
}

/** It says whose it is, is unlike any other, and fits into the 63 bytes that a name may have. */
function newName(stack: string): string {
  const whose = stack.toLowerCase().replace(/[^a-z0-9_]/g, "_");
  return `lifeboat_rows_${whose.slice(0, 40)}_${randomBytes(4).toString("hex")}`;
}

/** Not to be interrupted: a server that has begun goes on without us, and would be done only after it was told to drop. */
async function create(server: PostgresServer, what: Parameters<typeof createDatabaseLike>[1]): Promise<void> {
  using deadline = withDeadline(CREATE_MS, tooLate(CREATE_MS));
  await createDatabaseLike(server, what, deadline);
}

/** Drops what dead runs left on servers. What is out of reach is told, and tried again by the next run. */
export async function dropLeftScratchDatabases(tools: Tools): Promise<void> {
  const left = await readNoted(tools);
  if (left.length === 0) return;
  const { log } = tools;
  using deadline = withDeadline(DROP_MS, tooLate(DROP_MS));
  const tell = (database: string, error: unknown) =>
    log.warn("a database that a dead run left on a server could not be dropped", {
      database,
      error: describeError(error),
      hint: `The next run tries again. By hand: DROP DATABASE ${database}, and remove '${fileOf(tools)}'.`,
    });
  let servers: readonly PostgresServer[] = [];
  try {
    servers = await tools.findPostgres(deadline);
  } catch (error) {
    for (const { database } of left) tell(database, error);
    return;
  }
  for (const { server: name, database } of left) {
    try {
      const server = servers.find((one) => one.name === name);
      if (!server) throw new LifeboatError("not-found", `there is no PostgreSQL server '${name}' any more`);
      await drop(server, database, tools, deadline);
      log.warn("a database that a dead run had left on a server was dropped", { server: name, database });
    } catch (error) {
      tell(database, error);
    }
  }
}

async function drop(server: PostgresServer, name: string, tools: Tools, signal: AbortSignal): Promise<void> {
  const from = await vantagePoint(server, [name], signal);
  await dropDatabase(server, { name, from }, tools.clock, signal);
  await note(tools, (before) => before.filter(({ database }) => database !== name));
}

async function note(tools: Tools, change: (before: Noted) => Noted): Promise<void> {
  const after = change(await readNoted(tools));
  if (after.length === 0) await rm(fileOf(tools), { force: true });
  else await writeAtomically(fileOf(tools), JSON.stringify(after));
}

async function readNoted(tools: Tools): Promise<Noted> {
  let text: string;
  try {
    text = await readFile(fileOf(tools), "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
  try {
    return noted.parse(JSON.parse(text));
  } catch (cause) {
    throw new LifeboatError("failed", `'${fileOf(tools)}' is not what this program wrote`, {
      cause,
      hint: "It lists databases whose names begin with lifeboat_rows_. Drop those by hand, and remove the file.",
    });
  }
}

function fileOf({ config }: Tools): string {
  return join(config.state, "scratch-databases.json");
}
