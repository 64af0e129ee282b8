import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { fileBytes } from "./file-bytes.ts";
import { contentOf, openMessage } from "./message.ts";
import { sendBytes } from "./parts.ts";

/** What this thread is started with. */
export interface DecryptingOrder {
  readonly path: string;
  /** 32 bytes. */
  readonly sessionKey: Uint8Array;
  /** Where what is inside goes, by `sendBytes`. */
  readonly plain: MessagePort;
}

/** Opens an encrypted file and sends what is inside; answers once all of it has proven authentic. */
const { path, sessionKey, plain } = workerData as DecryptingOrder;
// Whoever no longer wants the bytes ends this thread.
const endless = new AbortController().signal;
await sendBytes(contentOf(await openMessage(fileBytes(path, endless)), sessionKey), plain, endless);
parentPort?.postMessage("authentic");
