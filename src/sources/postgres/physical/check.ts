import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../../errors.ts";
import { runChild } from "../../../system/children.ts";
import { majorOf } from "../survey.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import type { FoundPhysical } from "./survey.ts";
import { requireWal } from "./wal.ts";

export interface Checked {
  readonly manifest: Manifest;
  /** In words: by what, and the log too or not. */
  readonly checkedBy: string;
  readonly walCheckedBy: string;
}

/**
 * Compares every file of a base backup with the SHA-256 that the server took of it, and requires the log that makes it
 * consistent. pg_verifybackup does it, and reads the log record by record, where the server is of its own major; of an
 * older one it understands neither the log nor pg_control, so that the one is looked at here and the other only measured.
 * Rejects if anything is missing, changed or too much.
 */
export async function checkCopy(
  data: string,
  { facts, client }: Pick<FoundPhysical, "facts" | "client">,
  signal: AbortSignal,
): Promise<Checked> {
  const ownMajor = majorOf(facts) === client.major;
  try {
    const manifest = await readManifest(join(data, "backup_manifest"));
    await requireWal(data, manifest.walRanges, facts.segmentBytes);
    const args = ownMajor ? [] : ["--no-parse-wal", "--ignore=global/pg_control"];
    await runChild({ program: "pg_verifybackup", args: ["--quiet", ...args, data] }, { timeoutMs: CHECK_MS, signal });
    if (!ownMajor) await compareControl(data, manifest);
    return {
      manifest,
      checkedBy: `pg_verifybackup ${client.version}`,
      walCheckedBy: ownMajor ? `pg_waldump ${client.version}` : "its names and sizes",
    };
  } catch (cause) {
    signal.throwIfAborted();
    throw new LifeboatError("failed", "the base backup is not what the server has sent", { cause });
  }
}

/** The caller's deadline, BACKUP_POSTGRES_TIMEOUT, comes first. */
const CHECK_MS = 24 * 60 * 60 * 1000;

async function compareControl(data: string, { controlSha256 }: Manifest): Promise<void> {
  const control = await readFile(join(data, "global", "pg_control"));
  if (createHash("sha256").update(control).digest("hex") === controlSha256) return;
  throw new LifeboatError("failed", "'global/pg_control' is damaged: its SHA-256 is not the one in backup_manifest");
}
