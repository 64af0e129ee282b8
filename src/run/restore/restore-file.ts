import { lstat, mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { extractOld } from "../../archive/old/extract-old.ts";
import { tooLarge, type Room } from "../../archive/old/room.ts";
import { openOldFile, type OldFile } from "../../archive/old/old-file.ts";
import type { Bytes } from "../../archive/through-child.ts";
import { writeNewFile } from "../../archive/unseal.ts";
import { LifeboatError } from "../../errors.ts";
import type { RunReport } from "../../report/outcome.ts";
import { flawsOf } from "../../sources/sqlite.ts";
import { checkInProcesses } from "../../sources/sqlite/check-in-processes.ts";
import { freeBytes, isSystemError, syncFolder } from "../../system/files.ts";
import { notesOf } from "../catalogue/copy-notes.ts";
import { conduct, type Conduct } from "../conduct/conduct.ts";
import { requireDestination } from "./destination.ts";
import { openQuarantine, publish } from "./publish.ts";
import type { Tools } from "../conduct/tools.ts";

export interface WantedFile {
  /** What another program made: *.tar.gz.gpg, *.tar.gz.enc, *.db.gz, *.tar.gz, *.pgdump. */
  readonly file: string;
  readonly to: string;
  /** Of all that comes out of it. Default: what is free where it goes. */
  readonly maxBytes?: number;
}

/**
 * Restores a file that was made by other means than this program into a folder that does not exist yet or is empty: a
 * tar's members, or else the one file that it is, decrypted and decompressed. What it is, its bytes say. Nothing
 * appears before all of it was read to its end.
 */
export async function restoreFile(wanted: WantedFile, tools: Tools, signal: AbortSignal): Promise<RunReport> {
  const { log } = tools;
  return await conduct("restore", tools, async (run) => {
    const file = resolve(wanted.file);
    const sizeBytes = await sizeOfFile(file);
    const to = await requireDestination(wanted.to, tools.config);
    await using quarantine = await openQuarantine(to, tools.config.state);
    const opened = await run.step("open", () => openOldFile(file, tools.keys, signal));
    for (const warning of opened.warnings) run.warn(warning);
    const room = await roomFor(wanted.maxBytes, dirname(quarantine.folder));
    using bar = tools.progress.start(`restore ${basename(file)}`, sizeBytes);
    const request = {
      opened,
      name: plainName(file),
      into: quarantine.folder,
      room,
      onProgress: (bytes: number) => bar.at(bytes),
    };
    const content = await run.step("extract", () => putIn(request, run, tools, signal));
    await publish(join(quarantine.folder, "backup"), to);
    log.info("file restored", { file, content, to });
    await syncFolder(dirname(to));
  });
}

/** The file system's own bookkeeping. */
const RESERVE_BYTES = 16 * 1024 * 1024;

async function roomFor(maxBytes: number | undefined, folder: string): Promise<Room> {
  if (maxBytes !== undefined) return { bytes: maxBytes };
  return { bytes: Math.max(0, (await freeBytes(folder)) - RESERVE_BYTES), freeIn: folder };
}

async function sizeOfFile(file: string): Promise<number> {
  try {
    const stats = await lstat(file);
    if (!stats.isDirectory()) return stats.size;
  } catch (error) {
    if (!isSystemError(error, "ENOENT", "ENOTDIR")) throw error;
  }
  throw new LifeboatError("not-found", `there is no file '${file}'`, {
    hint: "In a container, mount the folder that it is in, and name it by its path there.",
  });
}

/** Without the endings that say how it was packed. Never empty, and no path. */
export function plainName(file: string): string {
  const name = basename(file);
  return name.replace(/(?<=.)(\.gz|\.zst)?(\.gpg|\.enc)?$/, "") || name;
}

interface Request {
  readonly opened: OldFile;
  readonly name: string;
  readonly into: string;
  readonly room: Room;
  readonly onProgress: (bytes: number) => void;
}

async function putIn(
  { opened, name, into, room, onProgress }: Request,
  run: Conduct,
  { config }: Tools,
  signal: AbortSignal,
): Promise<string> {
  if (opened.content === "tar") {
    const warn = (sentence: string) => run.warn(sentence);
    const request = { tar: opened.bytes, into, room, warn, onProgress };
    const { files, warnings } = await extractOld(request, signal);
    for (const warning of warnings) run.warn(warning);
    // An empty tar has no members at all.
    await mkdir(join(into, "backup"), { recursive: true });
    return `${files} files`;
  }
  const folder = join(into, "backup");
  await mkdir(folder);
  const path = join(folder, name);
  await writeNewFile(path, async () => limited(opened.bytes, room, onProgress), signal);
  if (opened.content === "sqlite") {
    const checked = await checkInProcesses({ copy: path, timeoutMs: config.sqliteTimeoutMs }, signal);
    for (const flaw of flawsOf(checked)) run.warn(`the database is flawed: ${flaw}`);
    for (const note of notesOf({ sources: [{ name, facts: checked.facts }] })) run.say(note);
  }
  return opened.content ?? "a file of no known kind";
}

async function* limited(bytes: Bytes, room: Room, onProgress: (bytes: number) => void): AsyncGenerator<Buffer> {
  let total = 0;
  for await (const chunk of bytes) {
    total += chunk.length;
    if (total > room.bytes) throw tooLarge(room);
    onProgress(total);
    yield chunk;
  }
}
