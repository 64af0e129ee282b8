import { access, constants, link, lstat, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, type Clock } from "../system/clock.ts";
import { freeBytes, isSystemError, syncFolder, syncName } from "../system/files.ts";
import { digestOfFile } from "../system/digest.ts";
import { copyDurably, copyToSpool } from "./durable-copy.ts";
import { checkKey, isKey, keyOfPartial, leftovers, partialNameOf } from "./keys.ts";
import { localFailure } from "./local-failure.ts";
import { changedBody, isSameBytes, notFound, otherBytes } from "./refusals.ts";
import { watchForStall } from "./stall.ts";
import type { Body, StoredDigest, StoredObject, Target } from "./target.ts";

export interface LocalOptions {
  /** Must exist: a mistyped or unmounted path is an error, never a new folder. */
  readonly folder: string;
}

export interface LocalTools {
  readonly clock?: Clock;
  /** Default 5 minutes: a network mount that is merely slow moves its next MiB in that time. */
  readonly stallTimeoutMs?: number;
}

/** A folder of this machine; objects are plain files of mode 0600. Symbolic links in it are not listed, not followed. */
export function openLocalTarget(options: LocalOptions, tools: LocalTools = {}): Target {
  return new LocalTarget(options.folder, tools.clock ?? systemClock, tools.stallTimeoutMs ?? 300_000);
}

class LocalTarget implements Target {
  readonly name: string;
  readonly #clock: Clock;
  readonly #stallTimeoutMs: number;

  constructor(folder: string, clock: Clock, stallTimeoutMs: number) {
    this.name = folder;
    this.#clock = clock;
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#at("store backups", signal, () => access(this.name, constants.W_OK | constants.X_OK));
  }

  async freeBytes(signal: AbortSignal): Promise<number> {
    await this.check(signal);
    return await this.#at("look for room", signal, () => freeBytes(this.name));
  }

  async put(key: string, body: Body, signal: AbortSignal, onProgress?: (sentBytes: number) => void): Promise<void> {
    checkKey(key);
    await this.#at(`store '${key}'`, signal, async () => {
      if (await this.#holds(key, body, signal)) return;
      const partial = join(this.name, partialNameOf(key));
      const copiedBytes = await this.#copy(copyDurably, body.path, partial, signal, onProgress);
      try {
        if (copiedBytes !== body.sizeBytes) throw changedBody(body, copiedBytes);
        signal.throwIfAborted();
        await publish(partial, join(this.name, key));
      } catch (error) {
        await rm(partial, { force: true });
        if (error instanceof NameTaken && (await this.#holds(key, body, signal))) return;
        throw error;
      }
    });
  }

  async digest(key: string, signal: AbortSignal): Promise<StoredDigest> {
    checkKey(key);
    return await this.#at(`read '${key}'`, signal, () => this.#digest(key, signal));
  }

  async fetch(key: string, path: string, signal: AbortSignal, onProgress?: (gotBytes: number) => void): Promise<void> {
    checkKey(key);
    await this.#at(`read '${key}'`, signal, async () => {
      const found = await lstat(join(this.name, key)).catch(unlessGone);
      if (!found?.isFile()) throw notFound(this.name, key);
      await this.#copy(copyToSpool, join(this.name, key), path, signal, onProgress);
    });
  }

  async readSmall(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
    keys.forEach(checkKey);
    return await this.#at("read receipts", signal, async () => {
      const found = new Map<string, Buffer>();
      for (const { key } of await this.#list()) {
        if (keys.includes(key)) found.set(key, await readFile(join(this.name, key), { signal }));
      }
      return found;
    });
  }

  async list(signal: AbortSignal): Promise<readonly StoredObject[]> {
    return await this.#at("list", signal, () => this.#list());
  }

  async remove(keys: readonly string[], signal: AbortSignal): Promise<void> {
    keys.forEach(checkKey);
    await this.#at("remove", signal, async () => {
      for (const key of keys) {
        signal.throwIfAborted();
        await rm(join(this.name, key), { force: true });
      }
      await syncFolder(this.name);
    });
  }

  async sweep(mayGo: (key: string) => boolean, signal: AbortSignal): Promise<void> {
    await this.#at("remove partial files", signal, async () => {
      for (const name of leftovers(await readdir(this.name), keyOfPartial, mayGo)) {
        signal.throwIfAborted();
        await rm(join(this.name, name), { force: true });
      }
    });
  }

  /** Runs `work` if the folder is there, and puts the failures of either into words. */
  async #at<Result>(doing: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    try {
      signal.throwIfAborted();
      await mustBeFolder(this.name);
      return await work();
    } catch (error) {
      throw localFailure(error, doing, this.name);
    }
  }

  async #list(): Promise<readonly StoredObject[]> {
    const entries = await readdir(this.name, { withFileTypes: true });
    const keys = entries.filter((entry) => entry.isFile() && isKey(entry.name)).map((entry) => entry.name);
    const objects: StoredObject[] = [];
    for (const key of keys) {
      const found = await lstat(join(this.name, key)).catch(unlessGone);
      if (found?.isFile()) objects.push({ key, sizeBytes: found.size });
    }
    return objects;
  }

  /** True if `body` is stored under `key` already. Rejects if something else is. */
  async #holds(key: string, body: Body, signal: AbortSignal): Promise<boolean> {
    const found = await lstat(join(this.name, key)).catch(unlessGone);
    if (!found) return false;
    if (!found.isFile() || found.size !== body.sizeBytes) throw otherBytes(this.name, key);
    if (!isSameBytes(await this.#digest(key, signal), body)) throw otherBytes(this.name, key);
    return true;
  }

  async #digest(key: string, signal: AbortSignal): Promise<StoredDigest> {
    using watch = watchForStall(this.#clock, this.#stallTimeoutMs, `reading '${key}' in '${this.name}'`, signal);
    try {
      return await digestOfFile(join(this.name, key), watch.signal, watch.alive);
    } catch (error) {
      if (isSystemError(error, "ENOENT", "ELOOP", "EISDIR")) throw notFound(this.name, key, error);
      throw error;
    }
  }

  async #copy(
    copy: typeof copyDurably,
    from: string,
    to: string,
    signal: AbortSignal,
    onProgress?: (bytes: number) => void,
  ): Promise<number> {
    using watch = watchForStall(this.#clock, this.#stallTimeoutMs, `copying '${from}' to '${to}'`, signal);
    return await copy(from, to, watch.signal, (bytes) => {
      watch.alive();
      onProgress?.(bytes);
    });
  }
}

async function mustBeFolder(folder: string): Promise<void> {
  if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
}

/**
 * Gives the finished file its name, durably. A link fails where the name is taken (EEXIST), which a rename would
 * overwrite. File systems without links (FAT, SMB, FUSE, shared folders of a virtual machine) refuse it with all sorts
 * of errors: they get the rename if the name is free then, and its error if that is refused as well.
 */
async function publish(partial: string, path: string): Promise<void> {
  const refusal = await link(partial, path).catch((error: unknown) => error);
  if (refusal === undefined) await unlink(partial);
  else if (isSystemError(refusal, "EEXIST") || (await lstat(path).catch(unlessGone))) throw new NameTaken();
  else await rename(partial, path);
  await syncName(path);
}

/** Somebody stored something under the name since it was looked for. */
class NameTaken extends Error {
  override readonly message = "the name was taken meanwhile";
}

function unlessGone(error: unknown): undefined {
  if (isSystemError(error, "ENOENT")) return undefined;
  throw error;
}
