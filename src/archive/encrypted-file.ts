import { MessageChannel } from "node:worker_threads";
import { startThread } from "../system/threads.ts";
import { newSessionKey } from "./encryption.ts";
import type { EncryptingOrder } from "./encrypting-thread.ts";
import type { SealedFile, SealingKey } from "./format.ts";
import { sendBytes } from "./parts.ts";
import { fillNewFile, writeSealedFile } from "./sealed-file.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Encrypts bytes to `key` into a new file, as `writeSealedFile` does with encrypted ones; in a thread of its own, because
 * encrypting and hashing take as long as everything else this program does for an archive.
 */
export async function writeEncryptedFile(
  path: string,
  plain: Bytes,
  key: SealingKey,
  signal: AbortSignal,
): Promise<SealedFile> {
  if (key.kind === "none") return await writeSealedFile(path, plain, signal);
  const { sessionKey, packets: head } = await newSessionKey(key);
  return await fillNewFile(path, async ({ fd: fileDescriptor }) => {
    const { port1, port2 } = new MessageChannel();
    const order: EncryptingOrder = { plain: port2, sessionKey, head, fileDescriptor };
    await using thread = startThread("encrypting-thread", import.meta.url, order, [port2]);
    try {
      await sendBytes(plain, port1, AbortSignal.any([signal, thread.failed]));
      return { path, ...((await thread.answer) as Omit<SealedFile, "path">) };
    } finally {
      port1.close();
    }
  });
}
