import { extname } from "node:path";
import { type MessagePort, Worker } from "node:worker_threads";
import { LifeboatError } from "../errors.ts";

/** Work that has a thread of its own, and one answer. Disposing ends it wherever it is, and resolves once it is gone. */
export interface Thread extends AsyncDisposable {
  /**
   * Resolves with the one message that the thread posts. Rejects with what it throws, or when it ends without a word.
   * A handler is attached already, so it may be awaited late.
   */
  readonly answer: Promise<unknown>;
  /** Aborted, with the same reason, when `answer` rejects. */
  readonly failed: AbortSignal;
}

/** Starts the module `name` (without its ending), a sibling of `here`. `data` is copied to it, `ports` are moved. */
export function startThread(name: string, here: string, data: object, ports: readonly MessagePort[] = []): Thread {
  // The sibling file has our own ending: .ts in the sources, .js once compiled.
  const module = new URL(`${name}${extname(here)}`, here);
  const worker = new Worker(module, { workerData: data, transferList: [...ports], env: {} });
  const failed = new AbortController();
  const answer = new Promise<unknown>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", (error) => reject(revived(error)));
    worker.once("exit", () => reject(new LifeboatError("failed", `the thread '${name}' ended without an answer`)));
  });
  answer.catch((error: unknown) => failed.abort(error));
  return { answer, failed: failed.signal, [Symbol.asyncDispose]: async () => void (await worker.terminate()) };
}

/** An error of ours that came from another thread has its words, but no longer its class. */
function revived(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "LifeboatError") return error;
  const { kind, message, hint, cause } = error as LifeboatError;
  return new LifeboatError(kind, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause: revived(cause) }),
  });
}
