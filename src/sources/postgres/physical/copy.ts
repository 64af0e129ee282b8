import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ChildError } from "../../../system/children.ts";
import { LifeboatError } from "../../../errors.ts";
import { runToEnd } from "../output.ts";
import type { PhysicalServer } from "../server.ts";
import { explainedPhysical } from "./failure.ts";
import type { Tablespace } from "./facts.ts";
import { mappingOptions } from "./tablespaces.ts";

/** How a server was copied. */
export interface Copied {
  /** Of the server's own files: pages that do not match their checksum are copied as they are. */
  readonly flaws: readonly string[];
  /** In the server's words, where an increment was wanted and it did not give one: the copy is whole then. */
  readonly refusal?: string;
}

/**
 * Lets pg_basebackup copy a server to `<physical>/data`, with the log that is written meanwhile: only what has changed
 * since the base backup with the manifest at `since`, if the server agrees to that. `physical` is there, and empty.
 * Rejects, leaving nothing, unless pg_basebackup has ended with exit code 0.
 */
export async function copyServer(
  server: PhysicalServer,
  physical: string,
  { tablespaces, since }: { readonly tablespaces: readonly Tablespace[]; readonly since?: string | undefined },
  signal: AbortSignal,
): Promise<Copied> {
  const whole = wholeCopy(physical, tablespaces);
  if (since === undefined) return { flaws: await copyWithBadPages(server, physical, whole, signal) };
  try {
    return { flaws: await copyWithBadPages(server, physical, [...whole, `--incremental=${since}`], signal) };
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal === undefined) throw error;
    return { flaws: await copyWithBadPages(server, physical, whole, signal), refusal };
  }
}

/** Of pg_basebackup and of the server, as they are in all versions there are: each names what only increments need. */
function refusalIn(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ChildError) || cause.exitStatus === undefined) continue;
    const lines = cause.stderr.split("\n").filter((line) => /manifest|WAL summar|incremental/i.test(line));
    return lines[0]?.replace(/^pg_basebackup: error: |^ERROR: +/g, "");
  }
  return undefined;
}

function wholeCopy(physical: string, tablespaces: readonly Tablespace[]): readonly string[] {
  return [
    ...[`--pgdata=${join(physical, "data")}`, "--format=plain", "--wal-method=stream", "--label=lifeboat"],
    // A checkpoint spread over minutes would make a hold longer by as much. Nothing is synced that only passes through.
    ...["--checkpoint=fast", "--no-sync", "--manifest-checksums=SHA256", "--no-password"],
    ...mappingOptions(physical, tablespaces),
  ];
}

async function copyWithBadPages(
  server: PhysicalServer,
  physical: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    await copy(server, physical, args, signal);
    return [];
  } catch (error) {
    if (!hasBadPages(error)) throw error;
    await copy(server, physical, [...args, "--no-verify-checksums"], signal);
    return [flawOf(error)];
  }
}

async function copy(server: PhysicalServer, physical: string, args: readonly string[], signal: AbortSignal) {
  try {
    await runToEnd(server, { program: "pg_basebackup", args, database: "replication" }, signal);
  } catch (error) {
    await rm(join(physical, "data"), { recursive: true, force: true, maxRetries: 3 });
    await rm(join(physical, "tablespaces"), { recursive: true, force: true });
    signal.throwIfAborted();
    if (hasBadPages(error)) throw error;
    throw error instanceof LifeboatError ? explainedPhysical(error, "take a base backup", server) : error;
  }
}

function hasBadPages(error: unknown): error is ChildError {
  return error instanceof ChildError && error.stderr.includes("checksum error occurred");
}

function flawOf({ stderr }: ChildError): string {
  const [, file] = /checksum verification failed in file "([^"]+)"/.exec(stderr) ?? [];
  const where = file === undefined ? "" : `, as in '${file.replace(/^\.\//, "")}'`;
  return `pages on the server do not match their checksums${where}: they are in the backup as they are; keep older backups, and see pg_amcheck`;
}
