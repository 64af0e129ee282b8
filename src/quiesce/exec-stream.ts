import { Readable, type Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { LifeboatError } from "../errors.ts";
import type { ContainerCommand, RunningProgram } from "../sources/server-container.ts";
import { ChildError } from "../system/children.ts";
import { withDeadline, type Clock } from "../system/clock.ts";
import type { Engine, Named } from "./engine.ts";
import { createExec } from "./exec.ts";
import { standardOutput } from "./frames.ts";

/** A program to run in a container, its output a stream. */
export interface ContainerProgram extends ContainerCommand {
  readonly container: Named;
  /** A shell script to run before, for what it exports; it reads nothing. */
  readonly prelude?: string;
}

/**
 * Starts a program in a container. When this process dies, by whatever means, the program is ended all the same: its
 * connection breaks, which a shell above it sees. Docker itself would let it run on, or wait for a reader for ever.
 * Its `done` rejects with DockerError when the engine is lost, and settles only if `stdout` is read or destroyed.
 */
export function streamFromContainer(
  engine: Engine,
  wanted: ContainerProgram,
  clock: Clock,
  signal: AbortSignal,
): RunningProgram {
  const stderr = keepTail();
  const end = Promise.withResolvers<{ stderr: string }>();
  end.promise.catch(() => {
    // Whoever awaits `done` is told; this only keeps an early failure from being reported as unhandled.
  });
  const stdout = Readable.from(output(engine, wanted, stderr, clock, signal, end), { objectMode: false });
  stdout.on("error", () => {
    // `done` says the same, and more.
  });
  return { stdout, done: end.promise };
}

interface End {
  resolve(end: { stderr: string }): void;
  reject(reason: unknown): void;
}

async function* output(
  engine: Engine,
  wanted: ContainerProgram,
  stderr: Tail,
  clock: Clock,
  signal: AbortSignal,
  end: End,
): AsyncGenerator<Buffer, void> {
  const { container } = wanted;
  let started: Started | undefined;
  let reason: unknown = new LifeboatError("failed", `nobody read what '${wanted.argv[0]}' printed`);
  const hangUp = () => started?.stream.destroy();
  signal.addEventListener("abort", hangUp, { once: true });
  try {
    started = await start(engine, wanted, signal);
    yield* standardOutput(started.stream, (bytes) => stderr.add(bytes));
    signal.throwIfAborted();
    const exitCode = await exitCodeOf(engine, container, started.execId, clock);
    started = undefined;
    if (exitCode !== 0) throw new ChildError(wanted.argv[0] ?? "", endedWith(exitCode), stderr.text());
    end.resolve({ stderr: stderr.text() });
  } catch (error) {
    reason = signal.aborted ? signal.reason : error;
    throw reason;
  } finally {
    signal.removeEventListener("abort", hangUp);
    await hungUp(engine, container, started, clock).catch((stillThere: unknown) => end.reject(stillThere));
    end.reject(reason);
  }
}

interface Started {
  readonly execId: string;
  readonly stream: Duplex;
}

/** Breaks the connection, and waits until the program has ended for that. Rejects if it does not. */
async function hungUp(engine: Engine, container: Named, started: Started | undefined, clock: Clock): Promise<void> {
  if (!started) return;
  started.stream.destroy();
  await exitCodeOf(engine, container, started.execId, clock);
}

/** With input of its own a program sees by itself that nobody is there any more. */
const PLAIN_SCRIPT = 'exec "$@"';
/**
 * Every process is waited for by the one that started it, whichever way this ends. An orphan would become a child of the
 * container's first process, and where that is PostgreSQL, a child that was ended by a signal is a crash to it: it throws
 * out all clients and recovers.
 */
const WATCHED_SCRIPT = `
if stdbuf -o 64K true 2>/dev/null; then set -- stdbuf -o 64K "$@"; fi
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
( while read -r _ <&3; do :; done; kill -TERM $program ) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait $program
code=$?
{ kill $watcher; wait $watcher; } >/dev/null 2>&1
exit $code`;

const CALL_MS = 15_000;

async function start(
  engine: Engine,
  { container, argv, env, input, prelude = "" }: ContainerProgram,
  signal: AbortSignal,
): Promise<Started> {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const script = ["sh", "-c", `${prelude}\n${input ? PLAIN_SCRIPT : WATCHED_SCRIPT}`, "lifeboat", ...argv];
  const asked = { container, user: undefined, mark: undefined, env: variables, readsInput: true } as const;
  const execId = await createExec(engine, asked, script, signal);
  const stream = await engine.connection.call(
    `run '${argv[0]}' in container '${container.name}'`,
    CALL_MS,
    async (docker) => {
      const attached = await docker.getExec(execId).start({ hijack: true, stdin: true });
      // Nobody waits for it any more.
      if (signal.aborted) attached.destroy();
      return attached;
    },
    signal,
  );
  stream.on("error", () => {
    // Told by whoever reads from it.
  });
  if (input) {
    pipeline(input, stream, { signal }).catch(() => {
      // The program did not read to the end, or the file could not be read: its exit code tells.
      stream.end();
    });
  }
  return { execId, stream };
}

/** Its output has ended, or its connection was broken: either way it is a matter of moments. */
const END_MS = 20_000;

async function exitCodeOf(engine: Engine, container: Named, execId: string, clock: Clock): Promise<number> {
  const lost = () =>
    new LifeboatError("failed", `a program in container '${container.name}' does not end`, {
      hint: `Look for it with docker top ${container.name}.`,
    });
  using deadline = withDeadline(END_MS, lost);
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    const what = `ask how a program in container '${container.name}' ended`;
    const state = await engine.connection.call(what, CALL_MS, (docker) => docker.getExec(execId).inspect(), deadline);
    if (!state.Running && state.ExitCode !== null) return state.ExitCode;
    await clock.sleep(pauseMs, deadline);
  }
}

/** A shell gives 128 and the signal's number for what a signal ended. */
function endedWith(exitCode: number): { exitCode?: number; signal?: string } {
  const signals: Readonly<Record<number, string>> = { 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM" };
  const signal = signals[exitCode - 128];
  return signal === undefined ? { exitCode } : { signal };
}

interface Tail {
  add(bytes: Buffer): void;
  text(): string;
}

const MAX_TAIL = 16 * 1024;

function keepTail(): Tail {
  const decoder = new StringDecoder("utf8");
  let tail = "";
  return { add: (bytes) => (tail = (tail + decoder.write(bytes)).slice(-MAX_TAIL)), text: () => tail };
}
