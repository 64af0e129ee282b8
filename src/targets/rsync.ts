import { mkdir, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { LifeboatError } from "../errors.ts";
import { ChildError } from "../system/children.ts";
import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import { digestOfFile } from "./bytes.ts";
import { fetchInto, withFreshFolder } from "./fresh-folder.ts";
import { checkKey, isKey } from "./keys.ts";
import { changedBody, isSameBytes, notFound, otherBytes } from "./refusals.ts";
import { parseDestination, type RsyncDestination } from "./rsync-destination.ts";
import { isDeletionRefused, rsyncFailure } from "./rsync-failure.ts";
import { runRsync, type RsyncEnd } from "./rsync-program.ts";
import { sizeOf } from "./size-of.ts";
import { withSsh, type SshOptions } from "./ssh-session.ts";
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
  return new RsyncTarget(options, parseDestination(options.destination), tools);
}

/** What is on its way lies in this folder beside the objects, so that no reader takes it for one of them. */
const PARTIAL_FOLDER = ".lifeboat-partial";

class RsyncTarget implements Target {
  readonly name: string;
  readonly #options: RsyncOptions;
  readonly #destination: RsyncDestination;
  readonly #tools: RsyncTools;
  readonly #stallTimeoutMs: number;
  #hasShell = true;
  /** Wanted, but done without on servers that do not have or do not allow them. */
  #extras: readonly string[] = ["--fsync", `--partial-dir=${PARTIAL_FOLDER}`];

  constructor(options: RsyncOptions, destination: RsyncDestination, tools: RsyncTools) {
    this.name = options.destination;
    this.#options = options;
    this.#destination = destination;
    this.#tools = tools;
    this.#stallTimeoutMs = tools.stallTimeoutMs ?? 300_000;
  }

  async put(key: string, body: Body, signal: AbortSignal, onProgress?: (sentBytes: number) => void): Promise<void> {
    checkKey(key);
    await this.#inWords(`store '${key}'`, async (doing) => {
      const there = await this.#look(doing, signal);
      if (await this.#holds(there, key, body, signal)) return;
      const foundBytes = await sizeOf(body.path);
      if (foundBytes !== body.sizeBytes) throw changedBody(body, foundBytes);
      if (!there.hasPartialFolder) await this.#makePartialFolder(doing, signal);
      const { lines } = await this.#send(key, body, doing, signal, onProgress);
      // rsync ends with exit code 0 also when it left an existing file alone: only this line says that it was sent.
      const isSent = lines.some((line) => line.startsWith("<f"));
      if (!isSent && !(await this.#holds(await this.#look(doing, signal), key, body, signal))) {
        throw new LifeboatError("failed", `'${this.name}' took no '${key}', and did not say why`);
      }
      onProgress?.(body.sizeBytes);
    });
  }

  async digest(key: string, signal: AbortSignal): Promise<StoredDigest> {
    checkKey(key);
    return await this.#inWords(`read '${key}' back`, async (doing) => {
      const stored = (await this.#look(doing, signal)).objects.find((object) => object.key === key);
      if (!stored) throw notFound(this.name, key);
      return await this.#digest(stored, doing, signal);
    });
  }

  async fetch(key: string, path: string, signal: AbortSignal, onProgress?: (gotBytes: number) => void): Promise<void> {
    checkKey(key);
    await this.#inWords(`fetch '${key}'`, async (doing) => {
      const stored = (await this.#look(doing, signal)).objects.find((object) => object.key === key);
      if (!stored) throw notFound(this.name, key);
      await fetchInto(resolve(path), (partial) => this.#download(stored, partial, doing, signal, onProgress));
      onProgress?.(stored.sizeBytes);
    });
  }

  async readSmall(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
    keys.forEach(checkKey);
    return await this.#inWords("read receipts", (doing) =>
      withFreshFolder(this.#tools.runFolder, async (folder) => {
        const args = [...ONLY_LISTED, `${this.#remote("")}`, `${folder}/`];
        await this.#rsync(args, doing, signal, { input: only(keys) }).catch(this.#unlessNotThereYet);
        const found = new Map<string, Buffer>();
        for (const key of await readdir(folder)) found.set(key, await readFile(join(folder, key)));
        return found;
      }),
    );
  }

  async list(signal: AbortSignal): Promise<readonly StoredObject[]> {
    return await this.#inWords("list", async (doing) => (await this.#look(doing, signal)).objects);
  }

  async remove(keys: readonly string[], signal: AbortSignal): Promise<void> {
    keys.forEach(checkKey);
    await this.#inWords("remove", async (doing) => {
      const there = (await this.#look(doing, signal)).objects.map(({ key }) => key);
      const doomed = keys.filter((key) => there.includes(key));
      if (doomed.length === 0) return;
      await this.#delete(only(doomed), doing, signal);
      const left = (await this.#look(doing, signal)).objects.filter(({ key }) => doomed.includes(key));
      if (left.length > 0) throw this.#removalForbidden();
    });
  }

  async sweep(signal: AbortSignal): Promise<void> {
    await this.#inWords("remove partial files", async (doing) => {
      if (!(await this.#look(doing, signal)).hasPartialFolder) return;
      try {
        await this.#delete(`+ /${PARTIAL_FOLDER}/***\n- *\n`, doing, signal);
      } catch (error) {
        // An append-only server keeps them as it keeps the rest; they are out of the way, and their sender goes on in them.
        if (!(error instanceof RemovalForbiddenError)) throw error;
      }
    });
  }

  /** What lies in the folder: one connection. A folder that is not there yet has nothing. */
  async #look(doing: string, signal: AbortSignal): Promise<Look> {
    const end = await this.#rsync(["--list-only", this.#remote("")], doing, signal).catch(this.#unlessNotThereYet);
    const entries = (end?.lines ?? []).map((line) => LISTED.exec(line)).filter((match) => match !== null);
    return {
      hasPartialFolder: entries.some(([, type, , name]) => type === "d" && name === PARTIAL_FOLDER),
      objects: entries
        .filter(([, type, , name]) => type === "-" && isKey(name!))
        .map(([, , size, name]) => ({ key: name!, sizeBytes: Number(size) })),
    };
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
    return await withFreshFolder(this.#tools.runFolder, async (folder) => {
      const copy = join(folder, stored.key);
      await this.#download(stored, copy, doing, signal);
      return await digestOfFile(copy, signal);
    });
  }

  async #remoteSha256(stored: StoredObject, doing: string, signal: AbortSignal): Promise<string | undefined> {
    const path = `${this.#destination.folder}${stored.key}`.replaceAll("'", "'\\''");
    // It says nothing until it is done: 20 MB/s is what a slow disk reads.
    const stallTimeoutMs = this.#stallTimeoutMs + stored.sizeBytes / 20_000;
    try {
      const end = await withSsh(this.#options, this.#tools.runFolder, ({ args }) =>
        this.#run("ssh", [...args, this.#destination.login, `sha256sum -- '${path}'`], doing, signal, {
          stallTimeoutMs,
        }),
      );
      const digest = /^([0-9a-f]{64}) /.exec(end.lines[0] ?? "")?.[1];
      if (digest !== undefined) return digest;
    } catch (error) {
      if (!(error instanceof ChildError) || error.exitStatus === SSH_FAILED) throw error;
    }
    this.#hasShell = false;
    this.#tools.log.info("target has no shell, objects are read back to prove them", { target: this.name });
    return undefined;
  }

  async #send(key: string, body: Body, doing: string, signal: AbortSignal, onProgress?: Progress): Promise<RsyncEnd> {
    const args = [
      ...["--ignore-existing", `--temp-dir=${PARTIAL_FOLDER}`, "--perms", "--chmod=F600"],
      ...["--out-format=%i %n", "--info=progress2", resolve(body.path), this.#remote(key)],
    ];
    for (;;) {
      try {
        return await this.#rsync([...this.#extras, ...args], doing, signal, { onProgress });
      } catch (error) {
        const said = error instanceof ChildError ? error.stderr : "";
        const refused = this.#extras.find((extra) => said.includes(nameOf(extra)));
        if (refused === undefined || !/unknown option|disabled on this server/.test(said)) throw error;
        this.#extras = this.#extras.filter((extra) => extra !== refused);
        this.#tools.log.info("target does without an option of rsync", { target: this.name, option: nameOf(refused) });
      }
    }
  }

  async #download(stored: StoredObject, path: string, doing: string, signal: AbortSignal, onProgress?: Progress) {
    const args = ["--info=progress2", this.#remote(stored.key), path];
    await this.#rsync(args, doing, signal, { onProgress });
    const gotBytes = await sizeOf(path);
    if (gotBytes === stored.sizeBytes) return;
    throw new LifeboatError("failed", `got ${gotBytes} of the ${stored.sizeBytes} bytes of '${stored.key}'`);
  }

  /** Makes the folder for partial files, and the target's own folder if that is what is missing. */
  async #makePartialFolder(doing: string, signal: AbortSignal): Promise<void> {
    await withFreshFolder(this.#tools.runFolder, async (folder) => {
      await mkdir(join(folder, PARTIAL_FOLDER));
      await this.#rsync(["--recursive", `${folder}/`, this.#remote("")], doing, signal);
    });
  }

  /** Lets rsync delete what the rules include and an empty folder does not have: this needs no shell. */
  async #delete(rules: string, doing: string, signal: AbortSignal): Promise<void> {
    await withFreshFolder(this.#tools.runFolder, async (folder) => {
      try {
        await this.#rsync([...ONLY_LISTED, "--delete", `${folder}/`, this.#remote("")], doing, signal, {
          input: rules,
        });
      } catch (error) {
        throw isDeletionRefused(error) ? this.#removalForbidden(error) : error;
      }
    });
  }

  #removalForbidden(cause?: unknown): RemovalForbiddenError {
    return new RemovalForbiddenError(this.name, {
      hint: "Take '-no-del' off its rrsync if old backups are to be pruned from here; otherwise prune on the server.",
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #unlessNotThereYet = (error: unknown): undefined => {
    const isNotThere = error instanceof ChildError && NOT_THERE_YET.test(error.stderr);
    if (!isNotThere) throw error;
  };

  #remote(key: string): string {
    return `${this.#destination.rsyncLogin}:${this.#destination.folder}${key}`;
  }

  async #rsync(args: readonly string[], doing: string, signal: AbortSignal, call: CallOptions = {}): Promise<RsyncEnd> {
    return await withSsh(this.#options, this.#tools.runFolder, ({ command }) => {
      const timeout = `--timeout=${Math.ceil(this.#stallTimeoutMs / 1000)}`;
      return this.#run("rsync", [`--rsh=${command}`, timeout, "--no-human-readable", ...args], doing, signal, call);
    });
  }

  async #run(program: "rsync" | "ssh", args: readonly string[], doing: string, signal: AbortSignal, call: CallOptions) {
    const what = `${doing} on '${this.name}'`;
    const stallTimeoutMs = this.#stallTimeoutMs;
    return await runRsync({ program, args, what, stallTimeoutMs, ...call }, this.#tools.clock, signal);
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

interface CallOptions {
  readonly input?: string;
  readonly stallTimeoutMs?: number;
  readonly onProgress?: Progress | undefined;
}

interface Look {
  readonly objects: readonly StoredObject[];
  readonly hasPartialFolder: boolean;
}

/** ssh's exit code when it failed itself; anything else is the remote command's. */
const SSH_FAILED = 255;

/** What rsync says of a missing folder, and what rrsync does. */
const NOT_THERE_YET = /(change_dir|rrsync error).*No such file or directory/;

/** "-rw-------     1048576 2026/01/01 00:00:00 name" */
const LISTED = /^(.)\S{9,10}\s+(\d+) \S+ \S+ (.+)$/;

/** Looks at the folder itself, not below, and there only at what the rules on standard input include. */
const ONLY_LISTED = ["--dirs", "--include-from=-"];

function nameOf(option: string): string {
  return option.replace(/=.*/, "");
}

function only(keys: readonly string[]): string {
  return `${keys.map((key) => `+ /${key}\n`).join("")}- *\n`;
}
