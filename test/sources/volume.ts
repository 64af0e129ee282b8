import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { provenFinding } from "../../src/run/backup/copy-databases.ts";
import { sqliteSource } from "../../src/sources/sqlite.ts";
import type { Snapshot } from "../../src/sources/source.ts";
import { survey } from "../../src/sources/survey.ts";

export type Role = "hammer" | "open" | "half" | "attached-half" | "lock" | "open-and-close" | "close";

/** A volume with applications that write to it, and the sidecar's view of it: a bind mount that is really read-only. */
export class Volume implements AsyncDisposable {
  readonly #folder: string;
  readonly #writers: ChildProcess[] = [];
  #stages = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Volume> {
    const volume = new Volume(await mkdtemp(join(tmpdir(), "volume-")));
    await mkdir(volume.live);
    await mkdir(volume.readOnly);
    execFileSync("mount", ["--bind", volume.live, volume.readOnly]);
    execFileSync("mount", ["-o", "remount,ro,bind", volume.readOnly]);
    return volume;
  }

  /** As the application sees it. */
  get live(): string {
    return join(this.#folder, "live");
  }

  /** As the sidecar sees it. */
  get readOnly(): string {
    return join(this.#folder, "read-only");
  }

  /** Starts an application on the database; resolves when it is in the state that its role says. */
  async write(name: string, role: Role, mode: "wal" | "delete" = "delete"): Promise<ChildProcess> {
    const args = [join(import.meta.dirname, "sqlite-writer.ts"), join(this.live, name), role, mode];
    const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#writers.push(writer);
    await Promise.race([
      once(writer.stdout, "data"),
      once(writer, "exit").then(([code]) => Promise.reject(new Error(`the writer ended with ${String(code)}`))),
    ]);
    return writer;
  }

  /** Where the source works during the n-th snapshot. */
  stageFolder(count: number): string {
    return join(this.#folder, `stage-${count}`, "sqlite");
  }

  async crash(writer: ChildProcess): Promise<void> {
    if (writer.exitCode !== null || writer.signalCode !== null) return;
    const gone = once(writer, "exit");
    writer.kill("SIGKILL");
    await gone;
  }

  /** Copies the only database there is, as a backup would, and proves the copy, which must not change by that. */
  async snapshot(options: SnapshotOptions = {}): Promise<Snapshot & { readonly copy: string }> {
    const root = options.root ?? this.readOnly;
    const folder = this.stageFolder((this.#stages += 1));
    await mkdir(folder, { recursive: true });
    const signal = options.signal ?? new AbortController().signal;
    const { databases } = await survey({ root, exclude: [], sqlite: "auto", never: [] }, dirname(folder), signal);
    const [found, ...others] = databases.filter(({ path }) => !path.toString().endsWith("-second"));
    if (!found || others.length > 0) throw new Error(`${databases.length} databases instead of 1`);
    const source = sqliteSource(found, { root, timeoutMs: options.timeoutMs ?? 20_000 });
    const snapshot = await source.snapshot({ folder }, signal);
    const copy = join(snapshot.members[0]?.root ?? "", found.path.toString());
    const before = await asSealed(copy);
    const finding = await provenFinding(snapshot, signal);
    assert.deepEqual(await asSealed(copy), before);
    return { ...snapshot, finding, copy };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const writer of this.#writers) await this.crash(writer);
    execFileSync("umount", [this.readOnly]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function asSealed(copy: string): Promise<object> {
  const { mode, mtimeNs } = await stat(copy, { bigint: true });
  const content = createHash("sha256").update(await readFile(copy));
  return { mode, mtimeNs, sha256: content.digest("hex"), beside: await readdir(dirname(copy)) };
}

interface SnapshotOptions {
  readonly root?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What the copy says, read in a way that leaves it alone. */
export function query(copy: string, sql: string): unknown {
  const database = new Database(copy, { fileMustExist: true });
  try {
    return database.prepare(sql).pluck().get();
  } finally {
    database.close();
  }
}

/** Constant in every consistent state of what the writers write: half a transfer changes it. */
export function totalBalance(copy: string): unknown {
  return query(copy, "SELECT (SELECT sum(balance) FROM checking) + (SELECT sum(balance) FROM savings)");
}

export const TOTAL_BALANCE = 2000 * 500 * 2;
