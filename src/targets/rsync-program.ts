import { startChild, type ChildEnd } from "../system/children.ts";
import type { Clock } from "../system/clock.ts";
import { watchForStall } from "./stall.ts";

export interface RsyncCall {
  readonly program: "rsync" | "ssh";
  readonly args: readonly string[];
  /** For a message: "storing 'x' on 'user@host:/path'". */
  readonly what: string;
  readonly input?: string;
  /** How long nothing may be heard of it. */
  readonly stallTimeoutMs: number;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface RsyncEnd extends ChildEnd {
  /** The lines it printed, without those that only tell of progress. */
  readonly lines: readonly string[];
}

/**
 * Runs rsync or ssh to its end and gives what it printed. Rejects with ChildError for a bad exit code, with a
 * transient LifeboatError when nothing moved for the stall time, with the signal's reason when aborted.
 */
export async function runRsync(call: RsyncCall, clock: Clock, signal: AbortSignal): Promise<RsyncEnd> {
  using watch = watchForStall(clock, call.stallTimeoutMs, call.what, signal);
  const child = startChild({ program: call.program, args: call.args }, { signal: watch.signal });
  child.stdin.on("error", () => {
    // It ended without reading its input; its exit code says whether that matters.
  });
  child.stdin.end(call.input ?? "");
  const lines: string[] = [];
  const take = (line: string) => {
    watch.alive();
    const progress = PROGRESS.exec(line);
    if (progress) call.onProgress?.(Number(progress[1]));
    else if (line.trim()) lines.push(line);
  };
  const [read, ended] = await Promise.allSettled([eachLine(child.stdout, take), child.done]);
  if (ended.status === "rejected") throw ended.reason;
  if (read.status === "rejected") throw read.reason;
  return { ...ended.value, lines };
}

/** "     32768   1%    0.00kB/s    0:00:00", written over itself with carriage returns. */
const PROGRESS = /^\s*(\d+)\s+\d+%\s/;

async function eachLine(stdout: AsyncIterable<Buffer>, take: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const chunk of stdout) {
    const parts = (rest + chunk.toString("latin1")).split(/[\r\n]/);
    rest = parts.pop() ?? "";
    parts.forEach(take);
  }
  if (rest) take(rest);
}
