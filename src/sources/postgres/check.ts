import { open } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { runChild } from "../../system/children.ts";
import { dumpBytes } from "./dump-bytes.ts";
import { runToEnd } from "./output.ts";
import type { PostgresServer } from "./server.ts";

/**
 * Reads a whole dump with pg_restore, as a restore would, and throws the SQL away. Gives in words what read it.
 * Finds a dump that was cut (a look at its table of contents, `pg_restore --list`, does not), and any damage to its
 * structure; a flipped bit inside a row is found by the SHA-256 that the archive's index has of each file.
 * Rejects if pg_restore does not read it to its end.
 */
export async function checkDump(
  path: string,
  { server, serverMajor, client }: { server: PostgresServer; serverMajor: number; client: ClientVersion },
  signal: AbortSignal,
): Promise<string> {
  await requireHeader(path);
  try {
    if (server.programs === "image" || serverMajor <= client.major) {
      await runChild({ program: "pg_restore", args: ["--file=/dev/null", path] }, { timeoutMs: CHECK_MS, signal });
      return `pg_restore ${client.version}`;
    }
    const input = dumpBytes(path);
    const call = { program: "pg_restore", args: ["--file=/dev/null"], database: server.entrance, input } as const;
    await runToEnd(server, call, signal);
    return "pg_restore of the server's container";
  } catch (cause) {
    signal.throwIfAborted();
    throw new LifeboatError("failed", "the dump cannot be read back", { cause });
  }
}

/** The caller's deadline, BACKUP_POSTGRES_TIMEOUT, comes first. */
const CHECK_MS = 24 * 60 * 60 * 1000;

/** pg_restore reads an empty file as one that is in another format, and says so less clearly. */
async function requireHeader(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(5), 0, 5, 0);
    if (bytesRead === 5 && buffer.toString("latin1") === "PGDMP") return;
  } finally {
    await file.close();
  }
  throw new LifeboatError("failed", "pg_dump gave no dump");
}

export interface ClientVersion {
  /** "18.6" */
  readonly version: string;
  readonly major: number;
}

/** The version of a client program in this image. Rejects if it is not there. */
export async function clientVersion(program: "pg_basebackup" | "pg_dump", signal: AbortSignal): Promise<ClientVersion> {
  const { stdout } = await runChild({ program, args: ["--version"] }, { timeoutMs: 10_000, signal });
  const version = /\(PostgreSQL\) (\d+)(\S*)/.exec(stdout);
  if (!version?.[1]) throw new LifeboatError("failed", `'${program} --version' says '${stdout.trim().slice(0, 100)}'`);
  return { version: `${version[1]}${version[2]}`, major: Number(version[1]) };
}
