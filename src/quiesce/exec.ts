import { randomUUID } from "node:crypto";
import { Writable, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { LifeboatError } from "../errors.ts";
import { withDeadline, type Clock } from "../system/clock.ts";
import { DockerError } from "../system/docker.ts";
import { failpoint } from "../system/failpoint.ts";
import { redact } from "../system/secret.ts";
import type { Engine, Named } from "./engine.ts";

/** A command for `sh -c` in a container. */
export interface ContainerCommand {
  readonly container: Named;
  readonly command: string;
  /** As `docker exec --user`; default: the container's own. */
  readonly user: string | undefined;
  readonly timeoutMs: number;
  /** Set in the command's environment, by which it and its children can be found and ended. */
  readonly mark: string;
  /** Told when SIGTERM did not end it. */
  readonly onKilled: () => void;
}

/**
 * The outer shell stays above the command as its process group's leader, also when the command changes its user (whose
 * processes' marks cannot be read) and ignores SIGTERM: then SIGKILL to the group still finds it.
 * The inner one runs the command, and at SIGTERM waits for the end of the program under way before it ends itself. Were
 * it to die first, that program would become a child of the container's first process, and where this is PostgreSQL, a
 * child that a signal ended is a crash to it: it throws out all clients and recovers.
 */
const LEADER_SCRIPT = `trap : TERM; sh -c 'trap "exit 143" TERM; eval "$1"' lifeboat-hook "$1"; exit $?`;

export function newMark(): string {
  return randomUUID();
}

const CALL_MS = 15_000;
/** What the command said last may still be under way when it has ended. */
const OUTPUT_MS = 500;
const MAX_OUTPUT = 4096;

/**
 * Runs the command to its end. Resolves with the end of its output if its exit code is 0. Rejects with that output if
 * it is another one. At the deadline, and when `signal` aborts, its processes in the container are ended before this
 * rejects: Docker itself would let them run on.
 */
export async function runInContainer(
  engine: Engine,
  wanted: ContainerCommand,
  clock: Clock,
  signal?: AbortSignal,
): Promise<string> {
  const { container, timeoutMs } = wanted;
  const tooLate = () =>
    new LifeboatError(
      "failed",
      `the command in container '${container.name}' did not end within ${timeoutMs / 1000} s`,
    );
  using deadline = withDeadline(timeoutMs, tooLate, signal);
  const execId = await createExec(
    engine,
    wanted,
    ["sh", "-c", LEADER_SCRIPT, "lifeboat-hook", wanted.command],
    deadline,
  );
  try {
    const started = await startExec(engine, container, execId, deadline);
    await failpoint("hook:running", deadline);
    const { exitCode, stdout, stderr } = await endOfExec(engine, started, clock, deadline);
    if (exitCode === 0) return [stdout, stderr].filter(Boolean).join("\n");
    const lastLines = (stderr || stdout).split("\n").slice(-3);
    const said = lastLines.map((line) => line.slice(0, 200)).join(" / ");
    throw new LifeboatError(
      "failed",
      `the command in container '${container.name}' ended with exit code ${exitCode}${said && `: ${said}`}`,
    );
  } catch (error) {
    if (deadline.aborted && (await endMarked(engine, wanted, clock)) === "killed") wanted.onKilled();
    throw error;
  }
}

/**
 * Ends every process of the container that carries the mark: SIGTERM; after 2 s SIGKILL to all but the shells above,
 * which then end in order; after 3 s SIGKILL to all. Resolves when none is left (or the container is not running, so
 * that there is none), with whether SIGTERM was enough. Rejects if some do not end.
 */
export async function endMarked(
  engine: Engine,
  { container, mark, user }: Pick<ContainerCommand, "container" | "mark" | "user">,
  clock: Clock,
): Promise<"ended" | "killed"> {
  const deadline = clock.elapsedMs() + 10_000;
  let outcome: "ended" | "killed" = "ended";
  for (let round = 0; ; round++) {
    const way = round < 8 ? (["TERM", "all"] as const) : (["KILL", round < 12 ? "not-shells" : "all"] as const);
    const found = await signalMarked(engine, { container, mark, user }, way, clock);
    if (!found) return outcome;
    if (way[0] === "KILL") outcome = "killed";
    if (clock.elapsedMs() > deadline) {
      throw new LifeboatError("failed", `a command started in container '${container.name}' cannot be ended`, {
        hint: `Look for it with docker top ${container.name}.`,
      });
    }
    await clock.sleep(250);
  }
}

/**
 * Children inherit the mark with the environment. Only what `sh` has built in is used: images may hold nothing else.
 * Exit code 0: some were found (and signalled); 3: none. The parent's group is signalled for children that cleaned
 * their environment. Our own shells are known by their name, and by their handler for SIGTERM, number 15.
 */
const SIGNAL_SCRIPT = `
is_spared() {
  [ "$1" = not-shells ] || return 1
  IFS= read -r line < "$folder/cmdline"
  case $line in *lifeboat-hook*) ;; *) return 1 ;; esac
  while read -r name value; do
    case $name$value in SigCgt:*[4567cdef]???) return 0 ;; esac
  done < "$folder/status"
  return 1
}
found=3
for folder in /proc/[0-9]*; do
  pid=\${folder#/proc/}
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *"LIFEBOAT_HOOK=$1"*)
        found=0
        is_spared "$3" || { kill -s "$2" -- "-$pid"; kill -s "$2" "$pid"; }
        break ;;
    esac
  done < "$folder/environ"
done 2>/dev/null
exit $found`;

async function signalMarked(
  engine: Engine,
  target: Pick<ContainerCommand, "container" | "mark" | "user">,
  way: readonly [signal: "TERM" | "KILL", to: "all" | "not-shells"],
  clock: Clock,
): Promise<boolean> {
  const { container, mark, user } = target;
  using deadline = withDeadline(
    CALL_MS,
    () => new LifeboatError("failed", `ending a command in container '${container.name}' took too long`),
  );
  try {
    const unmarked = { container, user, mark: undefined };
    const execId = await createExec(engine, unmarked, ["sh", "-c", SIGNAL_SCRIPT, "sh", mark, ...way], deadline);
    const started = await startExec(engine, container, execId, deadline);
    const { exitCode, stderr } = await endOfExec(engine, started, clock, deadline);
    if (exitCode === 0 || exitCode === 3) return exitCode === 0;
    throw new LifeboatError("failed", `a command in container '${container.name}' cannot be ended: ${stderr}`);
  } catch (error) {
    // 404: no such container; 409: not running. Its processes ended with it.
    if (error instanceof DockerError && (error.statusCode === 404 || error.statusCode === 409)) return false;
    throw error;
  }
}

/** `env` as "NAME=value". */
export async function createExec(
  engine: Engine,
  wanted: {
    readonly container: Named;
    readonly user: string | undefined;
    readonly mark: string | undefined;
    readonly env?: readonly string[];
    readonly readsInput?: true;
  },
  argv: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { container, user, mark, env = [], readsInput = false } = wanted;
  const exec = await engine.connection.call(
    `run a command in container '${container.name}'`,
    CALL_MS,
    (docker, abortSignal) =>
      docker.getContainer(container.id).exec({
        Cmd: [...argv],
        AttachStdout: true,
        AttachStderr: true,
        AttachStdin: readsInput,
        ...(user === undefined ? {} : { User: user }),
        Env: [...env, ...(mark === undefined ? [] : [`LIFEBOAT_HOOK=${mark}`])],
        abortSignal,
      }),
    signal,
  );
  return exec.id;
}

interface StartedExec {
  readonly execId: string;
  readonly what: string;
  readonly stream: Readable;
  readonly stdout: Tail;
  readonly stderr: Tail;
}

async function startExec(engine: Engine, container: Named, execId: string, signal: AbortSignal): Promise<StartedExec> {
  const what = `run a command in container '${container.name}'`;
  return await engine.connection.call(
    what,
    CALL_MS,
    async (docker) => {
      const stream = await docker.getExec(execId).start({ Detach: false, Tty: false });
      const [stdout, stderr] = [keepTail(), keepTail()];
      docker.modem.demuxStream(stream, stdout.sink, stderr.sink);
      return { execId, what, stream, stdout, stderr };
    },
    signal,
  );
}

async function endOfExec(
  engine: Engine,
  { execId, what, stream, stdout, stderr }: StartedExec,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const drained = finished(stream);
  drained.catch(() => {
    // A connection that broke is told by the next question for the state.
  });
  try {
    // Asked rather than waited for on the stream, which a child left in the background keeps open for ever.
    for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      const state = await engine.connection.call(what, CALL_MS, (docker) => docker.getExec(execId).inspect(), signal);
      if (!state.Running && state.ExitCode !== null) {
        await Promise.race([drained.catch(() => {}), clock.sleep(OUTPUT_MS)]);
        return { exitCode: state.ExitCode, stdout: stdout.text(), stderr: stderr.text() };
      }
      await clock.sleep(pauseMs, signal);
    }
  } finally {
    stream.destroy();
  }
}

interface Tail {
  readonly sink: Writable;
  /** The end of what was said, without known secrets. */
  text(): string;
}

/** Takes all there is, so that nothing is kept waiting, and keeps its end. */
function keepTail(): Tail {
  let tail = "";
  const decoder = new StringDecoder("utf8");
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      tail = (tail + decoder.write(chunk)).slice(-MAX_OUTPUT);
      done();
    },
  });
  return { sink, text: () => redact(tail).trim() };
}
