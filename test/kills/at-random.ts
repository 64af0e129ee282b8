import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Dice } from "../plan/random.ts";
import { main, type Sandbox } from "../run/sandbox.ts";

/** What a test does a few times in `npm test`, and many times in `npm run kills`. */
export function roundsOf(few: number, many: number): number {
  return process.env["LIFEBOAT_KILLS"] === "many" ? many : few;
}

type Env = Readonly<Record<string, string>>;

/** Starts the program as the leader of a process group of its own, as a shell or a service manager does. */
function startGroup({ env }: Sandbox, args: readonly string[], more: Env): ChildProcess {
  return spawn(process.execPath, [main, ...args], { env: { ...env, ...more }, detached: true, stdio: "ignore" });
}

/** How long the command takes when nobody kills it. Rejects if it fails. */
export async function durationOf(sandbox: Sandbox, args: readonly string[], more: Env = {}): Promise<number> {
  const begunAtMs = performance.now();
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(args, more);
  if (exitCode !== 0) throw new Error(`'lifeboat ${args.join(" ")}' ended with ${exitCode}: ${stdout}${stderr}`);
  return performance.now() - begunAtMs;
}

/** A moment between the start and a little after the usual end of what takes `lastingMs`. */
export function momentOf(lastingMs: number, dice: Dice): number {
  return dice.roll(Math.ceil(lastingMs * 1.1));
}

/**
 * Runs the command and sends SIGKILL to it and all its children `afterMs` later. Resolves once all have ended, with
 * true if it was killed, false if it had ended by itself before.
 */
export async function killGroup(
  sandbox: Sandbox,
  args: readonly string[],
  afterMs: number,
  more: Env = {},
): Promise<boolean> {
  const child = startGroup(sandbox, args, more);
  const ended = once(child, "exit");
  await Promise.race([ended, delay(afterMs, undefined, { ref: false })]);
  if (child.exitCode !== null || child.pid === undefined) return false;
  process.kill(-child.pid, "SIGKILL");
  await ended;
  return true;
}

/** A start of the daemon, as the engine does after a crash, until it has brought back what it finds. */
export async function startAndEnd(sandbox: Sandbox, more: Env): Promise<void> {
  const daemon = sandbox.start([], { ...more, BACKUP_CRON_EXPRESSION: "0 0 1 1 *", LOG_FORMAT: "json" });
  let log = "";
  for await (const text of daemon.stderr) {
    log += text.toString();
    if (log.includes("daemon started")) break;
  }
  daemon.kill("SIGTERM");
  const { exitCode } = await daemon;
  if (exitCode !== 0) throw new Error(`the daemon ended with ${exitCode}: ${log}`);
}
