import type { Readable, Writable } from "node:stream";
import { execa, type ResultPromise } from "execa";
import { LifeboatError } from "../errors.ts";
import { redact } from "./secret.ts";

/** A program to run. Secrets go into `env` or standard input, never into `args`: anyone on the host can read those. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to the bare environment every child gets (PATH, HOME, LC_ALL=C); nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How a child ended badly: its exit code or signal, and the end of what it said. Secrets are taken out. */
export class ChildError extends LifeboatError {
  readonly program: string;
  readonly exitStatus: number | undefined;
  readonly stderr: string;

  constructor(program: string, ended: { exitCode?: number; signal?: string; missing?: boolean }, stderr: string) {
    const said = redact(stderr).trim();
    const lastLines = said.split("\n").slice(-3).join(" / ");
    const how = ended.missing
      ? "is not installed"
      : ended.signal
        ? `was killed by ${ended.signal}`
        : `ended with exit code ${ended.exitCode}`;
    super("failed", `'${program}' ${how}${lastLines ? `: ${lastLines}` : ""}`);
    this.name = "ChildError";
    this.program = program;
    this.exitStatus = ended.exitCode;
    this.stderr = said;
  }
}

/** A running program whose output is a stream. Its output counts only once `done` has resolved. */
export interface Child {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /**
   * Resolves with the end of its stderr when the program has ended with exit code 0 (or one of `okExitCodes`);
   * rejects with ChildError otherwise, and with the signal's reason when it was aborted.
   * A handler is attached already, so it may be awaited late.
   */
  readonly done: Promise<ChildEnd>;
}

export interface ChildEnd {
  readonly exitCode: number;
  readonly stderr: string;
}

export interface ChildOptions {
  /** Ends the program: SIGTERM, and SIGKILL after 5 s. */
  readonly signal?: AbortSignal;
  /** Exit codes that are not failures. Default: 0 only. */
  readonly okExitCodes?: readonly number[];
  /** "kill": once the program has ended, by whatever cause, what it has started itself and left behind is killed. */
  readonly leftBehind?: "kill";
  /** Called with each line of stderr as it comes. */
  readonly onStderrLine?: (line: string) => void;
  /** An open file that takes stderr instead; then nothing of it is in `ChildEnd` or an error. */
  readonly stderrFd?: number;
}

/** Starts a program with pipes on its standard streams. Never rejects by itself: see `Child.done`. */
export function startChild(command: Command, options: ChildOptions = {}): Child {
  const child = spawn(command, options);
  const done = ending(child, command, options, tailOf(child.stderr, options.onStderrLine));
  done.catch(() => {
    // Whoever awaits `done` is told; this only keeps an early failure from being reported as unhandled.
  });
  return { stdin: child.stdin, stdout: child.stdout, done };
}

export interface FinishedChild extends ChildEnd {
  readonly stdout: string;
}

/**
 * Runs a program to its end and gives what it printed. For small outputs: more than 8 MiB of it is a failure.
 * `timeoutMs` is the deadline for all of it. Rejects as `Child.done` does.
 */
export async function runChild(
  command: Command,
  options: ChildOptions & { readonly timeoutMs: number; readonly input?: string },
): Promise<FinishedChild> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const child = spawn(command, { ...options, signal });
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_COLLECTED_BYTES) chunks.push(chunk);
  });
  child.stdin.on("error", () => {
    // The program ended without reading its input; its exit code says whether that matters.
  });
  child.stdin.end(options.input ?? "");
  try {
    const end = await ending(child, command, { ...options, signal }, tailOf(child.stderr, options.onStderrLine));
    if (size > MAX_COLLECTED_BYTES) {
      throw new LifeboatError("failed", `'${command.program}' printed more than ${MAX_COLLECTED_BYTES} bytes`);
    }
    return { ...end, stdout: Buffer.concat(chunks).toString("utf8") };
  } catch (error) {
    if (timeout.aborted && !options.signal?.aborted) {
      throw new LifeboatError("failed", `'${command.program}' did not end within ${options.timeoutMs / 1000} s`, {
        cause: error,
      });
    }
    throw error;
  }
}

const MAX_COLLECTED_BYTES = 8 * 1024 * 1024;
const MAX_STDERR_TAIL = 16 * 1024;

type Spawned = ResultPromise & { stdin: Writable; stdout: Readable; stderr: Readable | null };

function spawn(command: Command, options: ChildOptions): Spawned {
  const ownGroup = options.leftBehind === "kill";
  const child = execa(command.program, command.args, {
    ...(command.cwd ? { cwd: command.cwd } : {}),
    env: { ...bareEnvironment(), ...command.env },
    extendEnv: false,
    stdin: "pipe",
    stdout: "pipe",
    // Its types know the standard descriptors alone; it takes any.
    stderr: (options.stderrFd ?? "pipe") as "pipe",
    buffer: false,
    reject: false,
    stripFinalNewline: false,
    forceKillAfterDelay: 5000,
    detached: ownGroup,
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  }) as Spawned;
  if (ownGroup) child.nodeChildProcess.once("exit", () => killGroup(child.pid));
  return child;
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // It has left nothing behind, which is the usual case.
  }
}

function bareEnvironment(): Record<string, string> {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    PATH: PATH ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: HOME ?? "/tmp",
    // Bytes stay bytes: in the C locale no program of ours re-encodes a file name.
    LC_ALL: "C",
    ...(TMPDIR ? { TMPDIR } : {}),
  };
}

async function ending(
  child: Spawned,
  command: Command,
  options: ChildOptions,
  stderrTail: () => string,
): Promise<ChildEnd> {
  const result = await child;
  if (options.signal?.aborted) throw options.signal.reason;
  const { exitCode, signal } = result;
  if (exitCode !== undefined && (options.okExitCodes ?? [0]).includes(exitCode)) {
    return { exitCode, stderr: redact(stderrTail()) };
  }
  const missing = (result as { code?: string }).code === "ENOENT";
  throw new ChildError(
    command.program,
    { ...(exitCode === undefined ? {} : { exitCode }), ...(signal ? { signal } : {}), missing },
    stderrTail() || (exitCode === undefined && !signal ? ((result as { message?: string }).message ?? "") : ""),
  );
}

/** Drains `stream` for ever (a full pipe would stop the child) and keeps only its end. */
function tailOf(stream: Readable | null, onLine: ((line: string) => void) | undefined): () => string {
  let tail = "";
  let partial = "";
  if (!stream) return () => tail;
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    tail = (tail + text).slice(-MAX_STDERR_TAIL);
    if (!onLine) return;
    const lines = (partial + text).slice(-MAX_STDERR_TAIL).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) if (line) onLine(line);
  });
  return () => tail;
}
