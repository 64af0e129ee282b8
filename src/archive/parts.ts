import { on, once } from "node:events";
import type { MessagePort } from "node:worker_threads";
import type { Bytes } from "./through-child.ts";

/**
 * Bytes on their way from one thread to another travel in parts. Their memory is moved, not copied, and comes back when
 * it was read: nothing is allocated on the way, and nothing piles up. A part without length is the end.
 */
interface Part {
  readonly memory: ArrayBuffer;
  readonly length: number;
}

/**
 * Sends bytes to the other side of `port`, which takes them with `receivedBytes`. Resolves when the last are sent.
 * Rejects as `bytes` does, and with the signal's reason: then the other side never sees an end.
 */
export async function sendBytes(bytes: Bytes, port: MessagePort, signal: AbortSignal): Promise<void> {
  const free = Array.from({ length: PARTS }, () => new ArrayBuffer(PART_BYTES));
  port.on("message", (memory: ArrayBuffer) => free.push(memory));
  const send = (memory: ArrayBuffer, length: number) => port.postMessage({ memory, length } satisfies Part, [memory]);
  let part = await nextOf(free, port, signal);
  let filled = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      const copied = chunk.copy(new Uint8Array(part), filled, at);
      at += copied;
      filled += copied;
      if (filled < PART_BYTES) continue;
      send(part, filled);
      part = await nextOf(free, port, signal);
      filled = 0;
    }
  }
  if (filled > 0) send(part, filled);
  send(new ArrayBuffer(0), 0);
}

async function nextOf(free: ArrayBuffer[], port: MessagePort, signal: AbortSignal): Promise<ArrayBuffer> {
  for (;;) {
    signal.throwIfAborted();
    const memory = free.pop();
    if (memory) return memory;
    await once(port, "message", { signal }).catch((error: unknown) => {
      // Aborted, it rejects with an error of its own.
      signal.throwIfAborted();
      throw error;
    });
  }
}

/**
 * What `sendBytes` sends from the other side. The buffer given is only valid until the next one is asked for.
 * Rejects with the signal's reason.
 */
export async function* receivedBytes(port: MessagePort, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  try {
    for await (const [{ memory, length }] of on(port, "message", { signal }) as AsyncIterable<[Part]>) {
      if (length === 0) return;
      yield Buffer.from(memory, 0, length);
      port.postMessage(memory, [memory]);
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

const PART_BYTES = 256 * 1024;
/** Enough for each side to go on while the other one has its turn. */
const PARTS = 8;
