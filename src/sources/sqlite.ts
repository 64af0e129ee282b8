import { link, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describeError } from "../errors.ts";
import { ChildError, runChild } from "../system/children.ts";
import { byteStringOf, bytesOf, printable } from "./names.ts";
import type { Snapshot, Source, SourceFinding, Stage } from "./source.ts";
import { checkInProcesses, type Checked } from "./sqlite/check-in-processes.ts";
import type { Copied } from "./sqlite/job.ts";
import { copyInOwnProcess } from "./sqlite/own-process.ts";
import type { FoundDatabase } from "./findings.ts";

export interface SqliteOptions {
  /** The survey's root: the database's path is relative to it. */
  readonly root: string;
  /** For one database: waiting for locks and copying it, then it fails; and once more for its check, see there. */
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
      const { timeoutMs } = options;
      const absolute = (path: Buffer) => `${byteStringOf(options.root)}/${byteStringOf(path)}`;
      const otherNames = (found.otherNames ?? []).map(absolute);
      const job = { database: absolute(found.path), otherNames, name, folder: work, timeoutMs };
      const copied = await copyInOwnProcess(job, signal);
      const lostAttributes = await takeOverAttributes(work, signal);
      const { root, listFile } = await putInPlace(
        work,
        namesOf(found, (path) => absolute(path) === copied.database),
        copied,
        stage,
      );
      const { uid, gid } = found;
      const members = [{ root, listFile, inPlace: false, owner: { uid, gid } }];
      const finding = findingOf(name, [...copied.flaws, ...lostAttributes], { ...copied.facts, ...moreNames(found) });
      if (copied.method === "raw") return { members, finding };
      return {
        members,
        finding,
        async prove(either) {
          const checked = await checkInProcesses({ copy: join(work, "copy"), timeoutMs }, either);
          return findingOf(name, [...finding.flaws, ...flawsOf(checked)], { ...finding.facts, ...checked.facts });
        },
      };
    },
  };
}

/** A copy of which nobody knows whether it is whole is kept, but is not a good one: older ones stay because of that. */
export function flawsOf({ flaws, brokeOff }: Checked): readonly string[] {
  if (brokeOff === null) return flaws;
  return [
    ...flaws,
    `nobody knows whether all of it is whole, as its check broke off: ${brokeOff}; if it is large, raise BACKUP_SQLITE_TIMEOUT`,
  ];
}

function findingOf(name: string, flaws: readonly string[], facts: SourceFinding["facts"]): SourceFinding {
  return { kind: "sqlite", name, outcome: flaws.length > 0 ? "flawed" : "good", flaws, facts };
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

interface Name {
  readonly path: Buffer;
  /** The one with the side files. */
  readonly isInUse: boolean;
}

function namesOf({ path, otherNames = [] }: FoundDatabase, isInUse: (path: Buffer) => boolean): readonly Name[] {
  return [path, ...otherNames].map((each) => ({ path: each, isInUse: isInUse(each) }));
}

function moreNames({ otherNames }: FoundDatabase): SourceFinding["facts"] {
  return otherNames ? { otherNames: otherNames.slice(0, MAX_NAMES).map(printable) } : {};
}

const MAX_NAMES = 20;

/**
 * The copy keeps its plain and short name as well, for SQLite. All names are links to it, and links to one file are one
 * file in the archive.
 */
async function putInPlace(work: string, names: readonly Name[], copied: Copied, stage: Stage) {
  const root = join(stage.folder, "copy");
  const listFile = join(stage.folder, "copy.list");
  const listed: string[] = [];
  for (const { path, isInUse } of names) {
    const relative = byteStringOf(path);
    const target = `${byteStringOf(root)}/${relative}`;
    await mkdir(bytesOf(dirname(target)), { recursive: true });
    for (const ending of ["", ...(isInUse ? copied.sideFiles : [])]) {
      await link(join(work, `copy${ending}`), bytesOf(target + ending));
      listed.push(`./${relative}${ending}\0`);
    }
  }
  await writeFile(listFile, bytesOf(listed.join("")));
  return { root, listFile };
}
