import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeError, LifeboatError } from "../errors.ts";
import { ChildError, runChild } from "../system/children.ts";
import { byteStringOf, bytesOf, printable } from "./names.ts";
import type { Snapshot, Source, Stage } from "./source.ts";
import type { Copied, CopyAnswer, CopyJob } from "./sqlite/job.ts";
import type { FoundDatabase } from "./survey.ts";

export interface SqliteOptions {
  /** The survey's root: the database's path is relative to it. */
  readonly root: string;
  /** For one database: waiting for locks, copying and checking. Then it fails. */
  readonly timeoutMs: number;
}

/**
 * An SQLite database that others may be writing to. Its copy has the same relative path, no side files, and the mode,
 * times and extended attributes of the original. Any number of them may be copied at the same time.
 *
 * The work is done by a process of its own per database: it can be ended at any moment, and closing a file in one
 * does not drop the locks of another.
 */
export function sqliteSource(found: FoundDatabase, options: SqliteOptions): Source {
  const name = printable(found.path);
  return {
    kind: "sqlite",
    name,
    async snapshot(stage: Stage, signal: AbortSignal): Promise<Snapshot> {
      const work = join(stage.folder, "work");
      await mkdir(work, { mode: 0o700 });
      const database = `${byteStringOf(options.root)}/${byteStringOf(found.path)}`;
      const copied = await copyInOwnProcess({ database, name, folder: work, timeoutMs: options.timeoutMs }, signal);
      const lostAttributes = await takeOverAttributes(work, signal);
      const { root, listFile } = await putInPlace(work, found.path, copied, stage);
      const flaws = [...copied.flaws, ...lostAttributes];
      const { uid, gid } = found;
      return {
        members: [{ root, listFile, inPlace: false, owner: { uid, gid } }],
        finding: { kind: "sqlite", name, outcome: flaws.length > 0 ? "flawed" : "good", flaws, facts: copied.facts },
      };
    },
  };
}

/** For the process to notice its deadline by itself and say what was in the way. */
const GRACE_MS = 2000;

async function copyInOwnProcess(job: CopyJob, signal: AbortSignal): Promise<Copied> {
  // The sibling file has our own ending: .ts in the sources, .js once compiled.
  const program = fileURLToPath(new URL(`sqlite/process${extname(import.meta.url)}`, import.meta.url));
  const command = { program: process.execPath, args: [program] };
  let answer: CopyAnswer;
  try {
    const { stdout } = await runChild(command, {
      input: JSON.stringify(job),
      timeoutMs: job.timeoutMs + GRACE_MS,
      signal,
    });
    answer = JSON.parse(stdout) as CopyAnswer;
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof ChildError ? "its process crashed" : `not within ${job.timeoutMs / 1000} s`;
    throw new LifeboatError("failed", `database '${job.name}' could not be copied and checked: ${why}`, {
      cause,
      hint: "If it is large or often locked, raise BACKUP_SQLITE_TIMEOUT.",
    });
  }
  if (answer.kind === "copied") return answer.copied;
  throw new LifeboatError("failed", `database '${job.name}' could not be copied: ${answer.message}`, {
    ...(answer.hint ? { hint: answer.hint } : {}),
    ...(answer.cause ? { cause: new Error(answer.cause) } : {}),
  });
}

/** Gives what could not be kept. `cp` follows the link in `work`, so that the original's name need not be text. */
async function takeOverAttributes(work: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    await copyAttributes(work, "mode,timestamps,xattr", signal);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ChildError)) throw error;
    await copyAttributes(work, "mode,timestamps", signal);
    return [`its extended attributes are not in the copy: ${describeError(error)}`];
  }
}

async function copyAttributes(work: string, attributes: string, signal: AbortSignal): Promise<void> {
  const args = ["--attributes-only", `--preserve=${attributes}`, "--", join(work, "database"), join(work, "copy")];
  await runChild({ program: "cp", args }, { timeoutMs: 30_000, signal });
}

async function putInPlace(work: string, path: Buffer, copied: Copied, stage: Stage) {
  const root = join(stage.folder, "copy");
  const listFile = join(stage.folder, "copy.list");
  const relative = byteStringOf(path);
  const target = `${byteStringOf(root)}/${relative}`;
  await mkdir(bytesOf(dirname(target)), { recursive: true });
  const endings = ["", ...copied.sideFiles];
  for (const ending of endings) await rename(join(work, `copy${ending}`), bytesOf(target + ending));
  await writeFile(listFile, bytesOf(endings.map((ending) => `./${relative}${ending}\0`).join("")));
  return { root, listFile };
}
