import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { LifeboatError } from "../errors.ts";
import { ChildError } from "../system/children.ts";
import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import { digestOfFile } from "../system/digest.ts";
import { fetchInto, sweepFreshFolders, withFreshFolder } from "./fresh-folder.ts";
import { checkKey, leftovers } from "./keys.ts";
import { orFullHere } from "./local-failure.ts";
import { changedBody, isSameBytes, notFound, otherBytes } from "./refusals.ts";
import {
  keyOfRsyncPartial,
  PARTIAL_FOLDER,
  RsyncConnection,
  unlessNotThereYet,
  type Look,
} from "./rsync-connection.ts";
import { parseDestination } from "./rsync-destination.ts";
import { isDeletionRefused, rsyncFailure } from "./rsync-failure.ts";
import type { RsyncEnd } from "./rsync-program.ts";
import { sizeOf } from "./size-of.ts";
import type { SshOptions } from "./ssh-session.ts";
import { RemovalForbiddenError, type Body, type StoredDigest, type StoredObject, type Target } from "./target.ts";

export interface RsyncOptions extends SshOptions {
  /** "user@host:/path" */
  readonly destination: string;
}

export interface RsyncTools {
  readonly clock: Clock;
  readonly log: Log;
  /** For key files while a call lasts, and for reading back from servers without a shell; must exist. */
  readonly runFolder: string;
  /** Default 5 minutes. */
  readonly stallTimeoutMs?: number;
}

/**
 * A folder on a server that speaks rsync over ssh, with a shell or behind rrsync. The host key is always checked.
 * Append-only servers work as long as they let us read.
 */
export function openRsyncTarget(options: RsyncOptions, tools: RsyncTools): Target {
  return new RsyncTarget(options, tools);
}

class RsyncTarget implements Target {
  readonly name: string;
  readonly #far: RsyncConnection;
  readonly #runFolder: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #hasShell = true;
  /** Wanted, but done without on servers that do not have or do not allow them. */
  #extras: readonly string[] = ["--fsync", `--partial-dir=${PARTIAL_FOLDER}`];

  constructor(options: RsyncOptions, { clock, log, runFolder, stallTimeoutMs = 300_000 }: RsyncTools) {
    this.name = options.destination;
    const destination = parseDestination(options.destination);
    this.#far = new RsyncConnection(this.name, destination, options, { clock, runFolder, stallTimeoutMs });
    this.#runFolder = runFolder;
    this.#clock = clock;
    this.#log = log;
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#inWords("store backups", async (doing) => {
      await this.#far.look(doing, signal);
      if (!(await this.#mayWrite(doing, signal))) {
        throw new LifeboatError("failed", `cannot ${doing} on '${this.name}': that user may not write there`, {
          hint: "Give the user the right to write to the folder on the server, and look whether its disk is mounted writable.",
        });
      }
    });
  }

  async put(key: string, body: Body, signal: AbortSignal, onProgress?: (sentBytes: number) => void): Promise<void> {
    checkKey(key);
    await this.#inWords(`store '${key}'`, async (doing) => {
      const there = await this.#far.look(doing, signal);
      if (await this.#holds(there, key, body, signal)) return;
      const foundBytes = await sizeOf(body.path);
      if (foundBytes !== body.sizeBytes) throw changedBody(body, foundBytes);
      if (!there.hasPartialFolder) await this.#makePartialFolder(doing, signal);
      const { lines } = await this.#send(key, body, doing, signal, onProgress);
      // rsync ends with exit code 0 also when it left an existing file alone: only this line says that it was sent.
      const isSent = lines.some((line) => line.startsWith("<f"));
      if (!isSent && !(await this.#holds(await this.#far.look(doing, signal), key, body, signal))) {
        throw new LifeboatError("failed", `'${this.name}' took no '${key}', and did not say why`);
      }
      onProgress?.(body.sizeBytes);
    });
  }

  async digest(key: string, signal: AbortSignal): Promise<StoredDigest> {
    checkKey(key);
    return await this.#inWords(`read '${key}' back`, async (doing) => {
      const stored = (await this.#far.look(doing, signal)).objects.find((object) => object.key === key);
      if (!stored) throw notFound(this.name, key);
      return await this.#digest(stored, doing, signal);
    });
  }

  async fetch(key: string, path: string, signal: AbortSignal, onProgress?: (gotBytes: number) => void): Promise<void> {
    checkKey(key);
    await this.#inWords(`fetch '${key}'`, async (doing) => {
      const stored = (await this.#far.look(doing, signal)).objects.find((object) => object.key === key);
      if (!stored) throw notFound(this.name, key);
      await fetchInto(resolve(path), (partial) => this.#download(stored, partial, doing, signal, onProgress));
      onProgress?.(stored.sizeBytes);
    });
  }

  async readSmall(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
    keys.forEach(checkKey);
    return await this.#inWords("read receipts", (doing) =>
      withFreshFolder(this.#runFolder, async (folder) => {
        const args = [...ONLY_LISTED, this.#far.remote(""), `${folder}/`];
        await this.#far.rsync(args, doing, signal, { input: only(keys) }).catch(unlessNotThereYet);
        const found = new Map<string, Buffer>();
        for (const key of await readdir(folder)) found.set(key, await readFile(join(folder, key)));
        return found;
      }),
    );
  }

  async list(signal: AbortSignal): Promise<readonly StoredObject[]> {
    return await this.#inWords("list", async (doing) => (await this.#far.look(doing, signal)).objects);
  }

  async remove(keys: readonly string[], signal: AbortSignal): Promise<void> {
    keys.forEach(checkKey);
    if (keys.length === 0) return;
    await this.#inWords("remove", async (doing) => {
      const refusal = await this.#delete(only(keys), doing, signal);
      const left = (await this.#far.look(doing, signal)).objects.filter(({ key }) => keys.includes(key));
      if (left.length > 0) throw refusal ?? this.#removalForbidden();
    });
  }

  async sweep(mayGo: (key: string) => boolean, signal: AbortSignal): Promise<void> {
    await sweepFreshFolders(this.#runFolder, this.#clock);
    // An append-only server keeps them as it keeps the rest; they are out of the way, and the next to send goes on in them.
    await this.#inWords("remove partial files", async (doing) => {
      const names = leftovers(await this.#far.partialNames(doing, signal), keyOfRsyncPartial, mayGo);
      const rules = names.map((name) => `+ /${PARTIAL_FOLDER}/${name}\n`);
      // The folder itself goes with its last file.
      if (names.length > 0) await this.#delete(`+ /${PARTIAL_FOLDER}/\n${rules.join("")}- *\n`, doing, signal);
    });
  }

  /** True also where there is no shell that could be asked, and where the first `put` will make the folder. */
  async #mayWrite(doing: string, signal: AbortSignal): Promise<boolean> {
    const ask = `if [ -e % ] && [ ! -w % ]; then echo ${MAY_NOT_WRITE}; fi`;
    try {
      const { lines } = await this.#far.onShell(ask, "", doing, signal);
      return !lines.includes(MAY_NOT_WRITE);
    } catch (error) {
      if (error instanceof ChildError && error.exitStatus !== SSH_FAILED) return true;
      throw error;
    }
  }

  /** True if `body` is stored under `key` already. Rejects if something else is. */
  async #holds(there: Look, key: string, body: Body, signal: AbortSignal): Promise<boolean> {
    const stored = there.objects.find((object) => object.key === key);
    if (!stored) return false;
    if (stored.sizeBytes !== body.sizeBytes) throw otherBytes(this.name, key);
    if (!isSameBytes(await this.#digest(stored, "compare", signal), body)) throw otherBytes(this.name, key);
    return true;
  }

  /** By the far side where it has a shell, else by getting all of it. */
  async #digest(stored: StoredObject, doing: string, signal: AbortSignal): Promise<StoredDigest> {
    const sha256 = this.#hasShell ? await this.#remoteSha256(stored, doing, signal) : undefined;
    if (sha256 !== undefined) return { sizeBytes: stored.sizeBytes, sha256 };
    return await withFreshFolder(this.#runFolder, async (folder) => {
      const copy = join(folder, stored.key);
      await this.#download(stored, copy, doing, signal);
      return await digestOfFile(copy, signal);
    });
  }

  async #remoteSha256(stored: StoredObject, doing: string, signal: AbortSignal): Promise<string | undefined> {
    // It says nothing until it is done: 20 MB/s is what a slow disk reads.
    const stallTimeoutMs = this.#far.stallTimeoutMs + stored.sizeBytes / 20_000;
    try {
      const end = await this.#far.onShell("sha256sum -- %", stored.key, doing, signal, { stallTimeoutMs });
      const digest = /^([0-9a-f]{64}) /.exec(end.lines[0] ?? "")?.[1];
      if (digest !== undefined) return digest;
    } catch (error) {
      if (!(error instanceof ChildError) || error.exitStatus === SSH_FAILED) throw error;
    }
    this.#hasShell = false;
    this.#log.info("target has no shell, objects are read back to prove them", { target: this.name });
    return undefined;
  }

  async #send(key: string, body: Body, doing: string, signal: AbortSignal, onProgress?: Progress): Promise<RsyncEnd> {
    const args = [
      ...["--ignore-existing", `--temp-dir=${PARTIAL_FOLDER}`, "--perms", "--chmod=F600"],
      ...["--out-format=%i %n", "--info=progress2", resolve(body.path), this.#far.remote(key)],
    ];
    for (;;) {
      try {
        return await this.#far.rsync([...this.#extras, ...args], doing, signal, { onProgress });
      } catch (error) {
        const said = error instanceof ChildError ? error.stderr : "";
        const refused = this.#extras.find((extra) => said.includes(nameOf(extra)));
        if (refused === undefined || !/unknown option|disabled on this server/.test(said)) throw error;
        this.#extras = this.#extras.filter((extra) => extra !== refused);
        this.#log.info("target does without an option of rsync", { target: this.name, option: nameOf(refused) });
      }
    }
  }

  async #download(stored: StoredObject, path: string, doing: string, signal: AbortSignal, onProgress?: Progress) {
    const args = ["--info=progress2", this.#far.remote(stored.key), path];
    await this.#far.rsync(args, doing, signal, { onProgress }).catch((error: unknown) => {
      throw error instanceof ChildError ? orFullHere(error, error.stderr, doing, dirname(path)) : error;
    });
    const gotBytes = await sizeOf(path);
    if (gotBytes === stored.sizeBytes) return;
    throw new LifeboatError("failed", `got ${gotBytes} of the ${stored.sizeBytes} bytes of '${stored.key}'`);
  }

  /** Makes the folder for partial files, and the target's own folder if that is what is missing. */
  async #makePartialFolder(doing: string, signal: AbortSignal): Promise<void> {
    await withFreshFolder(this.#runFolder, async (folder) => {
      await mkdir(join(folder, PARTIAL_FOLDER));
      await this.#far.rsync(["--recursive", `${folder}/`, this.#far.remote("")], doing, signal);
    });
  }

  /**
   * Lets rsync delete what the rules include and an empty folder does not have: this needs no shell.
   * Gives the refusal where nothing may be deleted.
   */
  async #delete(rules: string, doing: string, signal: AbortSignal): Promise<RemovalForbiddenError | undefined> {
    return await withFreshFolder(this.#runFolder, async (folder) => {
      const args = [...ONLY_LISTED, "--delete", `${folder}/`, this.#far.remote("")];
      try {
        await this.#far.rsync(args, doing, signal, { input: rules });
        return undefined;
      } catch (error) {
        if (isDeletionRefused(error)) return this.#removalForbidden(error);
        throw error;
      }
    });
  }

  #removalForbidden(cause?: unknown): RemovalForbiddenError {
    return new RemovalForbiddenError(this.name, {
      hint: "Take '-no-del' off its rrsync if old backups are to be pruned from here; otherwise prune on the server.",
      ...(cause === undefined ? {} : { cause }),
    });
  }

  async #inWords<Result>(doing: string, work: (doing: string) => Promise<Result>): Promise<Result> {
    try {
      return await work(doing);
    } catch (error) {
      throw rsyncFailure(this.name, doing, error);
    }
  }
}

type Progress = (bytes: number) => void;

const MAY_NOT_WRITE = "lifeboat: may not write";

/** ssh's exit code when it failed itself; anything else is the remote command's. */
const SSH_FAILED = 255;

/** Looks at the folder itself, not below, and there only at what the rules on standard input include. */
const ONLY_LISTED = ["--dirs", "--include-from=-"];

function nameOf(option: string): string {
  return option.replace(/=.*/, "");
}

function only(keys: readonly string[]): string {
  return `${keys.map((key) => `+ /${key}\n`).join("")}- *\n`;
}
