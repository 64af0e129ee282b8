import { rm } from "node:fs/promises";
import { basename } from "node:path";
import type { CompressionKind } from "../../archive/format.ts";
import { linesOfOpened, linesOfSealed, openIndex, type OpenedIndex } from "../../archive/opened-index.ts";
import type { Receipt } from "../../archive/receipt.ts";
import { describeError } from "../../errors.ts";
import type { Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";
import { fetchIndex } from "./fetch.ts";
import type { Found } from "./find.ts";
import { IndexMemory } from "./index-memory.ts";

/** The index of one backup, ready to be read more than once. Disposing takes its file away. */
export interface ReadableIndex extends AsyncDisposable {
  /** Its lines, many at a time. Rejects with "verification-failed" if it turns out to be damaged. */
  lines(): AsyncIterable<readonly string[]>;
}

export interface Reading {
  readonly memory: IndexMemory;
  readonly spool: Spool;
  readonly tools: Tools;
}

/** Opens the index of a backup: the one that is remembered, or else that of the target, which is remembered then. */
export async function openIndexOf(found: Found, reading: Reading, signal: AbortSignal): Promise<ReadableIndex> {
  const { receipt } = found.backup;
  const remembered = await reading.memory.recall(receipt);
  return remembered ? inMemory(remembered, found, signal) : await openStoredIndex(found, reading, signal);
}

/**
 * The same from the target's own bytes, fetched, compared with the receipt and decrypted. Only what the passphrase makes
 * of their head, which takes longer than all of that, may be remembered.
 */
export async function openStoredIndex(
  found: Found,
  { memory, spool, tools }: Reading,
  signal: AbortSignal,
): Promise<ReadableIndex> {
  const { receipt } = found.backup;
  const path = await fetchIndex(found, spool, tools, signal);
  const removed = () => rm(path, { force: true });
  try {
    const before = await memory.recall(receipt);
    const keys = { ...tools.keys, ...(before ? { sessionKey: before.sessionKey } : {}) };
    const opened = await openIndex(path, keys, signal);
    if (!opened) return { lines: () => linesOfSealed(path, keys, signal), [Symbol.asyncDispose]: removed };
    if (!before) await memory.remember(receipt, opened);
    await removed();
    return inMemory(opened, found, signal);
  } catch (error) {
    await removed();
    throw error;
  }
}

/** Remembers the index of a backup that has just been sealed: `path` is still here. */
export async function rememberSealedIndex(
  path: string,
  receipt: Receipt,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const memory = new IndexMemory(tools.config.state, tools);
  if (receipt.authentication.kind !== "passphrase" || !tools.keys.passphrase) return;
  try {
    const opened = await openIndex(path, tools.keys, signal);
    if (opened) await memory.remember(receipt, opened);
  } catch (error) {
    signal.throwIfAborted();
    tools.log.debug("the index is not remembered", { id: receipt.id, error: describeError(error) });
  }
}

function inMemory(opened: OpenedIndex, { backup: { receipt } }: Found, signal: AbortSignal): ReadableIndex {
  const name = basename(receipt.index.key);
  const compression: CompressionKind = receipt.compression;
  return {
    lines: () => linesOfOpened(opened, { name, compression }, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
