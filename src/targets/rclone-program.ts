import type { Readable } from "node:stream";
import type { Clock } from "../system/clock.ts";
import { ChildError, startChild } from "../system/children.ts";
import type { Secret } from "../system/secret.ts";
import { LifeboatError } from "../errors.ts";
import type { RcloneEnd } from "./rclone-failure.ts";
import { RcloneReport } from "./rclone-report.ts";
import { watchForStall } from "./stall.ts";

export interface RcloneProgram {
  readonly env: Readonly<Record<string, Secret>>;
  readonly clock: Clock;
  readonly stallTimeoutMs: number;
  /** Told what rclone said that a person must read, though it may have ended well. */
  readonly remark: (said: string) => void;
}

export interface RcloneCall<Result> {
  readonly args: readonly string[];
  /** For a message: "'s3:bucket/path' while listing". */
  readonly what: string;
  readonly input?: string;
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** Takes all of standard output; whatever it reads counts as life once it says so. */
  readonly read: (stdout: Readable, alive: () => void, signal: AbortSignal) => Promise<Result>;
}

/** rclone ended with an exit code other than 0. Never leaves the room: `rcloneFailure` puts it into words. */
export class RcloneEnded extends Error {
  readonly end: RcloneEnd;

  constructor(end: RcloneEnd) {
    super(`rclone ended with exit code ${end.exitCode}: ${end.said}`);
    this.end = end;
  }
}

/**
 * Runs rclone to its end. Rejects with RcloneEnded for a bad exit code, with a transient LifeboatError when nothing
 * moved for the stall time, with the signal's reason when aborted.
 */
export async function runRclone<Result>(
  program: RcloneProgram,
  call: RcloneCall<Result>,
  signal: AbortSignal,
): Promise<Result> {
  using watch = watchForStall(program.clock, program.stallTimeoutMs, call.what, signal);
  const report = new RcloneReport(watch.alive, call.onProgress);
  const child = startChild(
    { program: "rclone", args: [...call.args, ...FLAGS], env: environmentOf(program) },
    { signal: watch.signal, onStderrLine: (line) => report.take(line) },
  );
  child.stdin.on("error", () => {
    // It ended without reading its input; its exit code says whether that matters.
  });
  child.stdin.end(call.input ?? "");
  const [read, ended] = await Promise.allSettled([call.read(child.stdout, watch.alive, watch.signal), child.done]);
  for (const said of report.remarks(ended.status === "fulfilled")) program.remark(said);
  if (ended.status === "rejected") throw endOf(ended.reason, report);
  if (read.status === "rejected") throw read.reason;
  return read.value;
}

/**
 * `--retries 1`: whole calls are retried by `retrying`, which says so in the log; a second try inside rclone would also
 * print its output twice. `--stats 1s`: how often it tells what has moved.
 */
const FLAGS = ["--use-json-log", "--stats", "1s", "--stats-log-level", "NOTICE", "--retries", "1"];

/** No configuration file unless the operator brought one; every name of theirs is passed on and wins. */
function environmentOf(program: RcloneProgram): Record<string, string> {
  const environment: Record<string, string> = {
    RCLONE_CONFIG: "/dev/null",
    RCLONE_CONTIMEOUT: "20s",
    // Each low-level retry waits longer than the one before: with 10, a refused connection takes minutes to be told.
    RCLONE_LOW_LEVEL_RETRIES: "3",
    // What is stored is read back and compared by us: a far side's own md5sum may see other paths than its sftp.
    RCLONE_IGNORE_CHECKSUM: "true",
    // The data goes to a name that nobody reads yet, or to a store where it appears when it is whole.
    RCLONE_INPLACE: "true",
  };
  for (const [name, value] of Object.entries(program.env)) environment[name] = value.reveal();
  return environment;
}

function endOf(reason: unknown, report: RcloneReport): unknown {
  if (!(reason instanceof ChildError)) return reason;
  if (reason.exitStatus === undefined && /is not installed/.test(reason.message)) {
    return new LifeboatError("failed", "'rclone' is not installed", {
      hint: "Install rclone 1.60 or newer, or use the image, which has it.",
      cause: reason,
    });
  }
  return new RcloneEnded({ exitCode: reason.exitStatus, said: report.said() || reason.message });
}
