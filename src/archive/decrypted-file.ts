import { stat } from "node:fs/promises";
import { MessageChannel } from "node:worker_threads";
import { startThread } from "../system/threads.ts";
import type { DecryptingOrder } from "./decrypting-thread.ts";
import { decrypted, sessionKeyOf } from "./decryption.ts";
import { fileBytes } from "./file-bytes.ts";
import type { OpeningKeys } from "./format.ts";
import { openMessage } from "./message.ts";
import { receivedBytes } from "./parts.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Opens an encrypted file as `decrypted` does, a large one in a thread of its own: decrypting takes as long as
 * everything else this program does for a restore. A buffer given is only valid until the next one is asked for.
 */
export async function decryptedFile(path: string, keys: OpeningKeys, signal: AbortSignal): Promise<Bytes> {
  const { size } = await stat(path);
  if (size < WORTH_A_THREAD_BYTES) return await decrypted(fileBytes(path, signal), keys);
  const message = await openMessage(fileBytes(path, signal));
  try {
    return decryptedInThread(path, await sessionKeyOf(message, keys), signal);
  } finally {
    await message.source.close();
  }
}

/** Until a thread has started (30 ms), so much is decrypted without one. */
export const WORTH_A_THREAD_BYTES = 16 * 1024 * 1024;

async function* decryptedInThread(
  path: string,
  sessionKey: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const { port1, port2 } = new MessageChannel();
  const order: DecryptingOrder = { path, sessionKey, plain: port2 };
  await using thread = startThread("decrypting-thread", import.meta.url, order, [port2]);
  try {
    yield* receivedBytes(port1, AbortSignal.any([signal, thread.failed]));
    await thread.answer;
  } finally {
    port1.close();
  }
}
