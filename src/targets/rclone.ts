import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { LifeboatError } from "../errors.ts";
import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import type { Secret } from "../system/secret.ts";
import { digestOfStream } from "./bytes.ts";
import { fetchInto, sweepFreshFolders, withFreshFolder } from "./fresh-folder.ts";
import { checkKey, isKey, keyOfPartial, leftovers, partialNameOf } from "./keys.ts";
import { orFullHere } from "./local-failure.ts";
import { checkEnvironment, folderOf } from "./rclone-destination.ts";
import { isRemovalRefused, notAStore, rcloneFailure, removalForbidden } from "./rclone-failure.ts";
import { IF_NEW, isNotThere, isNothingSent, orRefused } from "./rclone-ends.ts";
import { drain, lines, readEntries, type Entry } from "./rclone-output.ts";
import { RcloneEnded, runRclone, type RcloneCall, type RcloneProgram } from "./rclone-program.ts";
import { RcloneRemarks } from "./rclone-remarks.ts";
import { changedBody, isSameBytes, notFound, otherBytes } from "./refusals.ts";
import { sizeOf } from "./size-of.ts";
import type { Body, StoredDigest, StoredObject, Target } from "./target.ts";
import { sweepMultipartUploads } from "./unfinished-uploads.ts";

export interface RcloneOptions {
  /** "remote:path". Settings of the remote belong into `env`, never here: this becomes an argument. */
  readonly destination: string;
  /** RCLONE_* variables that describe the remote. Without RCLONE_CONFIG among them there is no configuration file. */
  readonly env: Readonly<Record<string, Secret>>;
  /** What the target is called. Default: the destination. */
  readonly name?: string;
  /** The remote is of type s3: unfinished multipart uploads are part of `sweep`. */
  readonly isS3?: boolean;
}

export interface RcloneTools {
  readonly clock: Clock;
  readonly log: Log;
  /** For the few small files of a call; must exist. */
  readonly runFolder: string;
  /** Default: 5 minutes, rclone's own patience with an idle connection. */
  readonly stallTimeoutMs?: number;
}

/** Any place that the program rclone (1.60 or newer) can reach. */
export function openRcloneTarget(options: RcloneOptions, tools: RcloneTools): Target {
  const folder = folderOf(options.destination);
  checkEnvironment(Object.keys(options.env));
  return new RcloneTarget(options.name ?? options.destination, folder, options, tools);
}

class RcloneTarget implements Target {
  readonly name: string;
  readonly #folder: string;
  readonly #isS3: boolean;
  readonly #tools: RcloneTools;
  readonly #program: RcloneProgram;
  readonly #remarks: RcloneRemarks;
  #features: Features | undefined;

  constructor(name: string, folder: string, options: RcloneOptions, tools: RcloneTools) {
    this.name = name;
    this.#folder = folder;
    this.#isS3 = options.isS3 ?? false;
    this.#tools = tools;
    this.#remarks = new RcloneRemarks(name, options.env, tools.log);
    this.#program = {
      env: options.env,
      clock: tools.clock,
      stallTimeoutMs: tools.stallTimeoutMs ?? 300_000,
      remark: (said) => this.#remarks.heard(said),
    };
  }

  takeRemarks(): readonly string[] {
    return this.#remarks.take();
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.list(signal);
  }

  async put(key: string, body: Body, signal: AbortSignal, onProgress?: (sentBytes: number) => void): Promise<void> {
    checkKey(key);
    if (await this.#holds(key, body, signal)) return;
    const foundBytes = await sizeOf(body.path);
    if (foundBytes !== body.sizeBytes) throw changedBody(body, foundBytes);
    const doing = `store '${key}'`;
    const send = ["copyto", ...IF_NEW, resolve(body.path)];
    try {
      if (await this.#showsHalfFiles(signal)) {
        const partial = partialNameOf(key);
        await this.#run([...send, this.#folder + partial], doing, signal, { onProgress });
        await this.#rename(partial, key, doing, signal);
      } else {
        await this.#run([...send, this.#folder + key], doing, signal, { onProgress });
      }
    } catch (error) {
      // Someone stored the key since it was looked for: fine if it is the same bytes.
      if (isNothingSent(error) && (await this.#holds(key, body, signal))) return;
      throw this.#failure(doing, error);
    }
    onProgress?.(body.sizeBytes);
  }

  async digest(key: string, signal: AbortSignal): Promise<StoredDigest> {
    checkKey(key);
    return await this.#inWords(`read '${key}' back`, async (doing) => {
      // rclone gives nothing and exit code 0 for an object that is not there: ask for it first.
      if (!(await this.#stat(key, signal))) throw notFound(this.name, key);
      const read: Read<StoredDigest> = (stdout, alive, reading) => digestOfStream(stdout, reading, alive);
      return await this.#run(["cat", this.#folder + key], doing, signal, { read });
    });
  }

  async fetch(key: string, path: string, signal: AbortSignal, onProgress?: (gotBytes: number) => void): Promise<void> {
    checkKey(key);
    await this.#inWords(`fetch '${key}'`, async (doing) => {
      const stored = await this.#stat(key, signal);
      if (!stored) throw notFound(this.name, key);
      await fetchInto(resolve(path), async (partial) => {
        await this.#run(["copyto", this.#folder + key, partial], doing, signal, { onProgress }).catch((error) => {
          throw this.#orFullHere(error, doing, dirname(path));
        });
        const gotBytes = await sizeOf(partial);
        if (gotBytes !== stored.sizeBytes) {
          throw new LifeboatError("failed", `got ${gotBytes} of the ${stored.sizeBytes} bytes of '${key}'`);
        }
      });
      onProgress?.(stored.sizeBytes);
    });
  }

  async readSmall(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
    keys.forEach(checkKey);
    if (keys.length === 0) return new Map();
    return await this.#inWords("read receipts", (doing) =>
      withFreshFolder(this.#tools.runFolder, async (folder) => {
        const args = ["copy", "--files-from-raw", "-", "--no-traverse", "--transfers", "16", this.#folder, folder];
        await this.#run(args, doing, signal, { input: lines(keys) }).catch(async (error) => {
          if (!(await this.#isEmptyPlace(error, signal))) throw this.#orFullHere(error, doing, this.#tools.runFolder);
        });
        const found = new Map<string, Buffer>();
        for (const key of await readdir(folder)) found.set(key, await readFile(join(folder, key)));
        return found;
      }),
    );
  }

  async list(signal: AbortSignal): Promise<readonly StoredObject[]> {
    const entries = await this.#inWords("list", () => this.#list(signal));
    return entries.filter(({ Name }) => isKey(Name)).map(({ Name, Size }) => ({ key: Name, sizeBytes: Size }));
  }

  async remove(keys: readonly string[], signal: AbortSignal): Promise<void> {
    keys.forEach(checkKey);
    await this.#inWords("remove", () => this.#delete(keys, signal));
  }

  async sweep(mayGo: (key: string) => boolean, signal: AbortSignal): Promise<void> {
    await sweepFreshFolders(this.#tools.runFolder, this.#tools.clock);
    await this.#inWords("remove partial files", async (doing) => {
      const names = (await this.#list(signal)).map(({ Name }) => Name);
      await this.#delete(leftovers(names, keyOfPartial, mayGo), signal);
      if (this.#isS3) {
        const ask = (args: readonly string[]) => this.#run(args, doing, signal, { read: (stdout) => text(stdout) });
        await sweepMultipartUploads(this.name, this.#folder, ask, this.#tools.clock, this.#tools.log);
      }
    });
  }

  async #list(signal: AbortSignal): Promise<readonly Entry[]> {
    // Times and types would cost one more request per object on some remotes.
    const args = ["lsjson", "--files-only", "--no-modtime", "--no-mimetype", this.#folder];
    try {
      const entries = await this.#run(args, "list", signal, { read: readEntries });
      if (entries.length === 0) await this.#requireStore(signal);
      return entries;
    } catch (error) {
      if (await this.#isEmptyPlace(error, signal)) return [];
      throw error;
    }
  }

  /** A web server answers everything with a page, in which rclone finds no objects: an empty bucket, it seems. */
  async #requireStore(signal: AbortSignal): Promise<void> {
    if (!(await this.#featuresOf(signal)).BucketBased) return;
    const nobodys = `lifeboat-asks-${randomBytes(8).toString("hex")}`;
    if (await this.#stat(nobodys, signal).catch(orRefused)) throw notAStore(this.name);
  }

  /** Rejects with "nothing sent" if the key is taken. */
  async #rename(partial: string, key: string, doing: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#run(["moveto", ...IF_NEW, this.#folder + partial, this.#folder + key], doing, signal);
    } catch (error) {
      // rclone 1.60 calls it that also where the far side has renamed: the partial file is gone then.
      if (!isNothingSent(error) || (await this.#stat(partial, signal))) throw error;
    }
  }

  async #delete(keys: readonly string[], signal: AbortSignal): Promise<void> {
    if (keys.length === 0) return;
    const args = ["delete", "--files-from-raw", "-", this.#folder];
    try {
      await this.#run(args, "remove", signal, { input: lines(keys) });
    } catch (error) {
      if (await this.#isEmptyPlace(error, signal)) return;
      if (error instanceof RcloneEnded && isRemovalRefused(error.end)) throw removalForbidden(this.name, error.end);
      throw error;
    }
  }

  /** What is stored under the key, by its size. */
  async #stat(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    const args = ["lsjson", "--stat", "--no-modtime", "--no-mimetype", this.#folder + key];
    try {
      const answer = await this.#run(args, `look for '${key}'`, signal, { read: (stdout) => text(stdout) });
      const entry = JSON.parse(answer || "null") as Entry | null;
      // A store without folders calls every prefix one, also where there is nothing.
      return entry && !entry.IsDir ? { key, sizeBytes: entry.Size } : undefined;
    } catch (error) {
      if (await this.#isEmptyPlace(error, signal)) return undefined;
      throw error;
    }
  }

  /** True if `body` is stored under `key` already. Rejects if something else is. */
  async #holds(key: string, body: Body, signal: AbortSignal): Promise<boolean> {
    const stored = await this.#inWords(`look for '${key}'`, () => this.#stat(key, signal));
    if (!stored) return false;
    if (stored.sizeBytes !== body.sizeBytes) {
      await this.#requireStore(signal);
      throw otherBytes(this.name, key);
    }
    if (!isSameBytes(await this.digest(key, signal), body)) throw otherBytes(this.name, key);
    return true;
  }

  /**
   * True where a file can be read while it is still being written (disks, SFTP, FTP, WebDAV…); all of these can rename.
   * Object stores cannot, and need not: there an object appears when it is whole.
   */
  async #showsHalfFiles(signal: AbortSignal): Promise<boolean> {
    return (await this.#featuresOf(signal)).Move;
  }

  async #featuresOf(signal: AbortSignal): Promise<Features> {
    if (!this.#features) {
      const read: Read<string> = (stdout) => text(stdout);
      const answer = await this.#run(["backend", "features", this.#folder], "look at it", signal, { read });
      this.#features = (JSON.parse(answer) as { Features: Features }).Features;
    }
    return this.#features;
  }

  /** True for "directory not found" where the first `put` makes the folder; a bucket that is missing stays an error. */
  async #isEmptyPlace(error: unknown, signal: AbortSignal): Promise<boolean> {
    if (!isNotThere(error)) return false;
    if (!(await this.#featuresOf(signal)).BucketBased) return true;
    throw rcloneFailure(this.name, "look into it", { exitCode: 3, said: "NoSuchBucket" });
  }

  #orFullHere(error: unknown, doing: string, folder: string): unknown {
    return error instanceof RcloneEnded ? orFullHere(error, error.end.said, doing, folder) : error;
  }

  async #inWords<Result>(doing: string, work: (doing: string) => Promise<Result>): Promise<Result> {
    try {
      return await work(doing);
    } catch (error) {
      throw this.#failure(doing, error);
    }
  }

  #failure(doing: string, error: unknown): unknown {
    return error instanceof RcloneEnded ? rcloneFailure(this.name, doing, error.end) : error;
  }

  async #run<Result = void>(
    args: readonly string[],
    doing: string,
    signal: AbortSignal,
    call: Partial<RcloneCall<Result>> = {},
  ): Promise<Result> {
    const read = call.read ?? drain;
    this.#remarks.called();
    return await runRclone(this.#program, { ...call, args, read, what: `${doing} on '${this.name}'` }, signal);
  }
}

type Read<Result> = RcloneCall<Result>["read"];

interface Features {
  readonly Move: boolean;
  readonly BucketBased: boolean;
}
