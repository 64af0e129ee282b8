import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { SealedFile } from "./format.ts";
import { receivedBytes } from "./parts.ts";
import { encryptedData } from "./seipd-writer.ts";

/** What this thread is started with. */
export interface EncryptingOrder {
  /** Where the plain bytes come from, by `sendBytes`. */
  readonly plain: MessagePort;
  /** 32 bytes. */
  readonly sessionKey: Uint8Array;
  /** The packets before the data. */
  readonly head: Uint8Array;
  /** An open file, empty. Whoever opened it closes it, once this thread is gone. */
  readonly fileDescriptor: number;
}

/** Encrypts what comes, writes it, and answers with size and digest of all that was written. */
const { plain, sessionKey, head, fileDescriptor } = workerData as EncryptingOrder;
const digest = createHash("sha256");
let sizeBytes = 0;
write(head);
for await (const bytes of encryptedData(receivedBytes(plain), sessionKey)) write(bytes);
plain.close();
parentPort?.postMessage({ sizeBytes, sha256: digest.digest("hex") } satisfies Omit<SealedFile, "path">);

function write(bytes: Uint8Array): void {
  appendFileSync(fileDescriptor, bytes);
  digest.update(bytes);
  sizeBytes += bytes.length;
}
