import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { LifeboatError } from "../../errors.ts";
import { withDeadline } from "../../system/clock.ts";
import type { DockerConnection } from "../../system/docker.ts";
import type { FileWork, Staged } from "./file-work.ts";
import { removeHelpers, startHelper } from "./helper-container.ts";
import { placeSwapSchema, type Job, type PlaceSwap } from "./job.ts";
import { answerSchema, greetingSchema, stagedSchema, type Greeting, type Request } from "./protocol.ts";

/** For the container to start and to call. */
const START_MS = 120_000;
/** For anything that is asked of it: the removal of a large tree takes longest. */
const ANSWER_MS = 6 * 60 * 60 * 1000;

/** The file work of a run, done by a helper container that lives until this is disposed of. */
export async function openHelper(job: Job, docker: DockerConnection, signal: AbortSignal): Promise<FileWork> {
  const path = join(job.stateFolder, `in-place-${job.runId}.sock`);
  await rm(path, { force: true });
  const calls = await listen(path);
  const close = async () => {
    calls.close();
    // It ends when we hang up, and whoever needs another one takes it away first: an engine that is gone is no failure.
    await removeHelpers(docker, job.runId, new AbortController().signal).catch(() => {});
    await rm(path, { force: true });
  };
  try {
    const folders = job.places.map(({ folder }) => folder);
    await startHelper(docker, { runId: job.runId, folders, stateFolder: job.stateFolder, socket: path }, signal);
    const control = conversation(await calls.next("control", START_MS, signal));
    await control.ask({ do: "open", job }, signal);
    return workOver(control, calls, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function workOver(control: Conversation, calls: Calls, close: () => Promise<void>): FileWork {
  const toTheEnd = new AbortController().signal;
  return {
    async stage(place, tar, sqliteTimeoutMs, signal): Promise<Staged> {
      const answer = control.ask({ do: "stage", place, sqliteTimeoutMs }, signal);
      // Told below; without a handler here it would be unhandled while the data goes over.
      answer.catch(() => {});
      const data = await Promise.race([calls.next("data", START_MS, signal), answer.then(unexpected)]);
      await pipeline(tar, data, { signal });
      return stagedSchema.parse(await answer);
    },
    plan: async (signal): Promise<readonly PlaceSwap[]> =>
      z.array(placeSwapSchema).parse(await control.ask({ do: "plan" }, signal)),
    putBeside: async (place, from, to) => void (await control.ask({ do: "put-beside", place, from, to }, toTheEnd)),
    swap: async (swaps) => void (await control.ask({ do: "swap", swaps: [...swaps] }, toTheEnd)),
    undo: async (swaps) => void (await control.ask({ do: "undo", swaps: [...swaps] }, toTheEnd)),
    finish: async (kept) => void (await control.ask({ do: "finish", kept }, toTheEnd)),
    [Symbol.asyncDispose]: close,
  };
}

function unexpected(): never {
  throw new LifeboatError("failed", "the helper container answered before it had the data");
}

interface Conversation {
  /** Rejects with what went wrong over there, and when the helper is gone. */
  ask(request: Request, signal: AbortSignal): Promise<unknown>;
}

function conversation(socket: Socket): Conversation {
  const lines = createInterface(socket)[Symbol.asyncIterator]();
  return {
    async ask(request, signal) {
      using limited = withDeadline(ANSWER_MS, () => new LifeboatError("failed", "the helper gave no answer"), signal);
      socket.write(`${JSON.stringify(request)}\n`);
      const line = await Promise.race([lines.next(), whenAborted(limited)]);
      if (line.done) throw new LifeboatError("failed", `the helper container ended while it was to ${request.do}`);
      const { result, error } = answerSchema.parse(JSON.parse(line.value));
      if (error) {
        throw new LifeboatError(error.kind, error.message, error.hint === undefined ? {} : { hint: error.hint });
      }
      return result;
    },
  };
}

interface Calls {
  /** The next connection of that kind. */
  next(kind: Greeting, timeoutMs: number, signal: AbortSignal): Promise<Socket>;
  close(): void;
}

async function listen(path: string): Promise<Calls> {
  const sockets = new Set<Socket>();
  const waiting = new Map<Greeting, (socket: Socket) => void>();
  const come = new Map<Greeting, Socket[]>([
    ["control", []],
    ["data", []],
  ]);
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // Whoever reads or writes it is told.
    socket.once("data", (first) => {
      socket.pause();
      const greeting = greetingSchema.safeParse(jsonOf(first.toString()));
      if (!greeting.success) return socket.destroy();
      const taker = waiting.get(greeting.data);
      waiting.delete(greeting.data);
      if (taker) taker(socket);
      else come.get(greeting.data)?.push(socket);
      return undefined;
    });
  });
  server.listen(path);
  await once(server, "listening");
  return {
    async next(kind, timeoutMs, signal) {
      const here = come.get(kind)?.shift();
      if (here) return here;
      const late = () => new LifeboatError("failed", `the helper container did not call within ${timeoutMs / 1000} s`);
      using limited = withDeadline(timeoutMs, late, signal);
      return await Promise.race([new Promise<Socket>((resolve) => waiting.set(kind, resolve)), whenAborted(limited)]);
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // No greeting: refused by whoever asked.
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
