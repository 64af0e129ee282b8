import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hintOf, LifeboatError } from "../errors.ts";
import { withDeadline } from "../system/clock.ts";
import { checkDump } from "./postgres/check.ts";
import { databaseFacts } from "./postgres/facts.ts";
import { hasForeignWords } from "./postgres/foreign-words.ts";
import { explained, PostgresError } from "./postgres/failure.ts";
import { dumpPath, globalsPath, settingsPath } from "./postgres/file-names.ts";
import { dumpToFile, outputToFile } from "./postgres/output.ts";
import { lostNames } from "./postgres/lost-names.ts";
import { lockWaitMs, patiently } from "./postgres/patience.ts";
import { listed, type Omitted } from "./postgres/omitted.ts";
import { settingsScript } from "./postgres/properties.ts";
import type { PostgresServer } from "./postgres/server.ts";
import { literal } from "./postgres/sql.ts";
import { majorOf, type FoundServer, type PostgresOptions } from "./postgres/survey.ts";
import type { Snapshot, Source, SourceFinding, Stage } from "./source.ts";

/** A server's roles and tablespaces, and each of its databases: sources of their own, to be copied in any order. */
export function postgresSources(found: FoundServer, options: PostgresOptions): readonly Source[] {
  return [
    globalsSource(found, options),
    ...found.databases.map((database) => databaseSource(found, database, options)),
  ];
}

/** A server in a container that does not run: nothing of it is in the backup, and the finding says so. */
export function restingSource({ name, container, atRest }: PostgresServer): Source {
  const flaw = `its container '${container}' is ${atRest}, so that its databases are not in the backup: start it, or take the label lifeboat.postgres from it`;
  const finding = { kind: "postgres", name, outcome: "flawed", flaws: [flaw], facts: {} } as const;
  return { kind: "postgres", name, snapshot: async () => ({ members: [], finding }) };
}

/**
 * One database, dumped by pg_dump from one snapshot of it while others write; proven by pg_restore, which reads it back.
 * The dump is not compressed: the archive is, once, and better (docs/design/postgres.md).
 */
function databaseSource(found: FoundServer, database: string, options: PostgresOptions): Source {
  const { server, facts } = found;
  const name = `${server.name}/${database}`;
  return {
    kind: "postgres",
    name,
    async snapshot(stage: Stage, signal: AbortSignal): Promise<Snapshot> {
      const startedMs = options.clock.elapsedMs();
      using deadline = deadlineOf(`database '${name}'`, "dumped", options, signal);
      const relative = dumpPath(server.name, database);
      const path = join(stage.folder, "copy", relative);
      const finding = (more: Pick<SourceFinding, "flaws" | "facts">): SourceFinding => {
        return { kind: "postgres", name, outcome: more.flaws.length > 0 ? "flawed" : "good", ...more };
      };
      try {
        const about = await patiently(
          () => databaseFacts(server, database, deadline),
          options.timeoutMs,
          options.clock,
          deadline,
        );
        const lost = await patiently(
          () => lostNames(server, database, about.owner, deadline),
          options.timeoutMs,
          options.clock,
          deadline,
        );
        const notices = await dump(found, database, path, options, deadline);
        const settings = settingsPath(server.name, database);
        await writeFile(join(stage.folder, "copy", settings), await settingsOf(found, path, deadline), { mode: 0o600 });
        const { size: dumpBytes } = await stat(path);
        const { version, versionNumber, inRecovery } = facts;
        const tookMs = Math.round(options.clock.elapsedMs() - startedMs);
        const dumped = { dumpBytes, ...(notices ? { notices } : {}), tookMs };
        const known = { version, versionNumber, inRecovery, database, ...about, ...dumped };
        return {
          members: [await memberList(stage, [relative, settings])],
          finding: finding({ flaws: lost, facts: known }),
          async prove(proving) {
            const { flaws, readBy } = await proveDump(path, name, found, options, proving);
            return finding({ flaws: [...lost, ...flaws], facts: { ...known, readBy } });
          },
        };
      } catch (error) {
        deadline.throwIfAborted();
        if (!(await wasDropped(found, database, error, deadline))) throw failureOf(`database '${name}'`, error);
        await rm(path, { force: true });
        return {
          members: [],
          finding: finding({ flaws: ["it was dropped while the backup ran, and is not in it"], facts: {} }),
        };
      }
    },
  };
}

/** A newer server's dump is read by its own pg_restore. */
async function settingsOf({ server, facts, client }: FoundServer, path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await settingsScript({ path, ...(majorOf(facts) > client.major ? { reader: server } : {}) }, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new LifeboatError("failed", "the dump cannot be read back", { cause });
  }
}

/** Reads the dump back. Rejects if that cannot be done to its end. */
async function proveDump(
  path: string,
  name: string,
  found: FoundServer,
  options: PostgresOptions,
  signal: AbortSignal,
): Promise<{ readonly flaws: readonly string[]; readonly readBy: string }> {
  const { server, facts, client } = found;
  using deadline = deadlineOf(`the dump of database '${name}'`, "read back", options, signal);
  try {
    const readBy = await checkDump(path, { server, serverMajor: majorOf(facts), client }, deadline);
    return { flaws: await foreignWordsIn(path, found, deadline), readBy };
  } catch (error) {
    deadline.throwIfAborted();
    throw failureOf(`database '${name}'`, error);
  }
}

async function foreignWordsIn(path: string, { server, facts, client }: FoundServer, signal: AbortSignal) {
  if (server.programs === "server" || !(await hasForeignWords(path, signal))) return [];
  return [
    `pg_dump ${client.version} of this image does not understand the catalog of PostgreSQL ${facts.version}: no row is ` +
      "missing, but pg_restore stops at words like 'pg_attver', which a restore in place and the commands in README.txt " +
      "leave out; label the server's container 'lifeboat.postgres=true', or use a newer image",
  ];
}

/** Gives what pg_dump had to say although all went well. */
async function dump(
  { server }: FoundServer,
  database: string,
  path: string,
  { timeoutMs, clock }: PostgresOptions,
  signal: AbortSignal,
): Promise<string> {
  const lockTimeout = `--lock-wait-timeout=${lockWaitMs(timeoutMs)}`;
  const args = ["--format=custom", "--compress=0", "--no-password", lockTimeout];
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const attempt = async () => {
    try {
      const stderr = await dumpToFile(server, { program: "pg_dump", args, database }, path, signal);
      return stderr.trim().slice(0, MAX_NOTICES);
    } catch (error) {
      signal.throwIfAborted();
      await rm(path, { force: true });
      throw error instanceof LifeboatError ? explained(error, `dump database '${database}'`, server) : error;
    }
  };
  return await patiently(attempt, timeoutMs, clock, signal);
}

const MAX_NOTICES = 1000;

/** Only where nobody asked for it by name: between the list of all databases and its own dump. */
async function wasDropped(
  { server }: FoundServer,
  database: string,
  error: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  if (server.databases !== "all" || !(error instanceof PostgresError)) return false;
  const sql = `SELECT json_build_array(count(*)) FROM pg_catalog.pg_database WHERE datname = ${literal(database)}`;
  const [count] = (await server.ask(server.entrance, sql, signal)) as [number];
  return count === 0;
}

/** Roles, their memberships and settings, and tablespaces, as SQL. It tells what of the server is in no dump, too. */
function globalsSource({ server, facts, omitted }: FoundServer, options: PostgresOptions): Source {
  const { name } = server;
  return {
    kind: "postgres",
    name,
    async snapshot(stage, signal) {
      using deadline = deadlineOf(`the roles of '${name}'`, "dumped", options, signal);
      const relative = globalsPath(name);
      const path = join(stage.folder, "copy", relative);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const args = ["--globals-only", "--no-password"];
      // A name that looks like a connection string would be read as one; without it `postgres` is the entrance.
      if (!/=|:\/\//.test(server.entrance)) args.push(`--database=${server.entrance}`);
      if (!facts.readsPasswords) args.push("--no-role-passwords");
      const attempt = async () => {
        try {
          await outputToFile(server, { program: "pg_dumpall", args, database: server.entrance }, path, deadline);
        } catch (error) {
          deadline.throwIfAborted();
          await rm(path, { force: true });
          throw error instanceof LifeboatError ? explained(error, "dump the roles", server) : error;
        }
      };
      try {
        await patiently(attempt, options.timeoutMs, options.clock, deadline);
      } catch (error) {
        deadline.throwIfAborted();
        throw failureOf(`the roles of '${name}'`, error);
      }
      const { version, versionNumber, inRecovery } = facts;
      const rolePasswords = facts.readsPasswords ? "saved" : `left out: user '${server.user}' may not read them`;
      const flaws = omitted && isWorrying(omitted, server) ? [flawOf(omitted, server)] : [];
      return {
        members: [await memberList(stage, [dirname(relative), relative])],
        finding: {
          kind: "postgres",
          name,
          outcome: flaws.length > 0 ? "flawed" : "good",
          flaws,
          facts: {
            ...{ version, versionNumber, inRecovery, rolePasswords },
            ...(omitted ? { omitted: listed(omitted) } : {}),
          },
        },
      };
    },
  };
}

/** A URL names one database of a server that others may use as well; a labelled server is the stack's own. */
function isWorrying({ isAllThereIs }: Omitted, { container }: PostgresServer): boolean {
  return isAllThereIs || container !== undefined;
}

function flawOf(omitted: Omitted, { container }: PostgresServer): string {
  const what = omitted.isAllThereIs
    ? "the databases that are dumped hold nothing, and others do"
    : "databases are in no dump";
  const remedy =
    container === undefined
      ? "name them in BACKUP_POSTGRES"
      : "name them in the label lifeboat.postgres.databases, or leave them out with '!' before the name";
  return `${what}: ${listed(omitted)}; ${remedy}`;
}

function deadlineOf(what: string, done: "dumped" | "read back", { timeoutMs }: PostgresOptions, signal: AbortSignal) {
  const tooLate = () =>
    new LifeboatError("failed", `${what} could not be ${done} within ${timeoutMs / 1000} s`, {
      hint: "Raise BACKUP_POSTGRES_TIMEOUT.",
    });
  return withDeadline(timeoutMs, tooLate, signal);
}

function failureOf(what: string, cause: unknown): LifeboatError {
  const hint = hintOf(cause);
  return new LifeboatError("failed", `${what} could not be dumped`, { ...(hint ? { hint } : {}), cause });
}

/** Dumps belong to root, as nobody else may read them: role passwords and all rows are in there. */
async function memberList(stage: Stage, relatives: readonly string[]) {
  const listFile = join(stage.folder, "copy.list");
  await writeFile(listFile, relatives.map((relative) => `./${relative}\0`).join(""));
  return { root: join(stage.folder, "copy"), listFile, inPlace: false, owner: { uid: 0, gid: 0 } };
}
