import type Docker from "dockerode";
import { LifeboatError } from "../errors.ts";
import { withDeadline } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { isSystemError } from "./files.ts";
import { redact } from "./secret.ts";

/** A way to a Docker engine. Nothing is sent before the first call. */
export interface DockerConnection {
  /** As given: "unix:///var/run/docker.sock", "tcp://proxy:2375". */
  readonly host: string;
  /**
   * Runs one exchange with the engine. `what` completes "cannot …" in error messages: "stop container 'db'".
   * Rejects with a DockerError when the engine says no, is not there, or has not answered after `timeoutMs`, and with
   * the signal's reason when that aborts first (what was asked of the engine may still happen then).
   */
  call<T>(what: string, timeoutMs: number, exchange: Exchange<T>, signal?: AbortSignal): Promise<T>;
  /** Resolves if the engine answers. Rejects as `call` does. */
  ping(signal: AbortSignal): Promise<void>;
}

/** Should hand `signal` on to dockerode as `abortSignal`, so that an exchange nobody waits for is ended. */
export type Exchange<T> = (docker: Docker, signal: AbortSignal) => Promise<T>;

/** Why an exchange with the engine failed. */
export class DockerError extends LifeboatError {
  /** HTTP status of the answer; undefined if there was none. */
  readonly statusCode: number | undefined;
  /** Method and path of what it answered, as they were sent: "POST /containers/1a2b/stop". */
  readonly request: string | undefined;

  constructor(
    message: string,
    statusCode: number | undefined,
    { request, ...options }: { hint?: string; cause?: unknown; request?: string | undefined },
  ) {
    super("failed", message, options);
    this.name = "DockerError";
    this.statusCode = statusCode;
    this.request = request;
  }
}

/** True if the engine could not be reached or gave no answer: the same call may succeed once it is back. */
export function isEngineGone(error: unknown): boolean {
  // 502 to 504 are a socket proxy's way of saying the same.
  return error instanceof DockerError && (error.statusCode === undefined || [502, 503, 504].includes(error.statusCode));
}

/**
 * Repeats an `attempt` that may safely be made twice for as long as the engine is gone, at most `forMs`, then rejects
 * with the last failure. Every other failure is passed on at once.
 */
export async function whileEngineGone<T>(
  attempt: () => Promise<T>,
  forMs: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = clock.elapsedMs() + forMs;
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 5000)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isEngineGone(error) || clock.elapsedMs() + pauseMs > deadline) throw error;
    }
    await clock.sleep(pauseMs, signal);
  }
}

/** Makes a connection to `host` (unix:// or tcp://). Throws a "settings" error for any other address. */
export function connectDocker(host: string): DockerConnection {
  const address = addressOf(host);
  // Loaded with the first call: with all it brings along it is the largest part of a start, and many never need it.
  let loading: Promise<Docker> | undefined;
  const load = () => (loading ??= import("dockerode").then(({ default: Engine }) => new Engine(address)));
  const call: DockerConnection["call"] = async (what, timeoutMs, exchange, signal) => {
    const tooLate = () =>
      new DockerError(
        `cannot ${what}: the Docker engine at '${host}' gave no answer within ${timeoutMs / 1000} s`,
        undefined,
        {},
      );
    signal?.throwIfAborted();
    let request: string | undefined;
    using deadline = withDeadline(timeoutMs, tooLate, signal);
    try {
      // A connection that breaks in the middle of an answer leaves dockerode waiting for ever, hence the race.
      const engine = noting(await load(), (sent) => (request = sent));
      return await Promise.race([exchange(engine, deadline), whenAborted(deadline)]);
    } catch (error) {
      if (deadline.aborted) throw deadline.reason;
      throw explained(error, { what, host, request });
    }
  };
  return {
    host,
    call,
    async ping(signal) {
      await call("reach the engine", PING_MS, (engine) => engine.ping(), signal);
    },
  };
}

const PING_MS = 10_000;

/** The same engine, which tells of each request as it is sent: dockerode's errors do not know what they answer. */
function noting(engine: Docker, note: (request: string) => void): Docker {
  const modem = Object.create(engine.modem) as Docker["modem"];
  modem.dial = (options, done) => {
    note(`${options.method} ${options.path.replace(/\?$/, "")}`);
    engine.modem.dial(options, done);
  };
  return Object.assign(Object.create(engine) as Docker, { modem });
}

function addressOf(host: string): Docker.DockerOptions {
  // Everything is given, because dockerode fills what is left open from DOCKER_* variables of the environment.
  const fixed = { protocol: "http" as const, pathPrefix: "/" };
  const socketPath = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (socketPath !== undefined) return { ...fixed, socketPath, host: undefined };
  const tcp = /^tcp:\/\/(\[[0-9a-f:]+\]|[^/:@\s]+):(\d+)\/?$/i.exec(host);
  if (tcp?.[1] !== undefined && tcp[2] !== undefined) return { ...fixed, host: tcp[1], port: tcp[2] };
  throw new LifeboatError("settings", `'${redact(host)}' is not the address of a Docker engine`, {
    hint: "Give it as unix:///var/run/docker.sock or tcp://host:port (TLS and ssh are not supported; use a socket proxy).",
  });
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

interface Asked {
  readonly what: string;
  readonly host: string;
  readonly request: string | undefined;
}

function explained(error: unknown, { what, host, request }: Asked): unknown {
  const statusCode = statusOf(error);
  // What has no code comes from a mistake of ours, not from the connection.
  if (statusCode === undefined)
    return error instanceof Error && "code" in error ? unreachable(error, what, host) : error;
  const { json, message: whole } = error as Error & { json?: { message?: string } | null };
  const said = redact(json?.message ?? whole);
  const message = `cannot ${what}: the Docker engine at '${host}' says: ${said.trim().slice(0, 500)} (${statusCode})`;
  // No cause: dockerode's error says the same again.
  if (!isRefusal(statusCode)) return new DockerError(message, statusCode, { request });
  return new DockerError(message, statusCode, {
    request,
    hint: `A socket proxy or an authorization plugin stands before the engine; allow '${request}' there, ${UNVERSIONED}.`,
  });
}

/** What a proxy's patterns must not expect. */
export const UNVERSIONED = "without a version (/v1.xx) before the path";

/** Statuses with which a socket proxy or an authorization plugin turns a call down. */
export function isRefusal(statusCode: number | undefined): boolean {
  return statusCode === 401 || statusCode === 403 || statusCode === 405;
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number"
    ? error.statusCode
    : undefined;
}

function unreachable(error: unknown, what: string, host: string): DockerError {
  const message = `cannot ${what}: no Docker engine answers at '${host}'`;
  if (isSystemError(error, "EACCES", "EPERM")) {
    return new DockerError(`cannot ${what}: not allowed to open '${host}'`, undefined, {
      hint: "Add the group that owns the socket to this container (group_add), or use a socket proxy.",
      cause: error,
    });
  }
  const hint = host.startsWith("unix://")
    ? `Mount the engine's socket (volumes: "/var/run/docker.sock:${host.slice("unix://".length)}"), or set DOCKER_HOST.`
    : "Check DOCKER_HOST, and that the socket proxy runs in a network of this container.";
  return new DockerError(message, undefined, { hint, cause: error });
}
