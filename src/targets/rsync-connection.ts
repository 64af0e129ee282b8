import { ChildError } from "../system/children.ts";
import type { Clock } from "../system/clock.ts";
import { isKey } from "./keys.ts";
import type { RsyncDestination } from "./rsync-destination.ts";
import { runRsync, type RsyncEnd } from "./rsync-program.ts";
import { withSsh, type SshOptions } from "./ssh-session.ts";
import type { StoredObject } from "./target.ts";

export interface RsyncCallOptions {
  readonly input?: string;
  readonly stallTimeoutMs?: number;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What lies in the folder of the far side. */
export interface Look {
  readonly objects: readonly StoredObject[];
  /** The folder for what is on its way is there. */
  readonly hasPartialFolder: boolean;
}

/** What is on its way lies in this folder beside the objects, so that no reader takes it for one of them. */
export const PARTIAL_FOLDER = ".lifeboat-partial";

/** The far side of one destination: each call is a connection of its own, made with the target's key and known hosts. */
export class RsyncConnection {
  readonly #name: string;
  readonly #destination: RsyncDestination;
  readonly #ssh: SshOptions;
  readonly #clock: Clock;
  readonly #runFolder: string;
  readonly stallTimeoutMs: number;

  constructor(
    name: string,
    destination: RsyncDestination,
    ssh: SshOptions,
    { clock, runFolder, stallTimeoutMs }: { clock: Clock; runFolder: string; stallTimeoutMs: number },
  ) {
    this.#name = name;
    this.#destination = destination;
    this.#ssh = ssh;
    this.#clock = clock;
    this.#runFolder = runFolder;
    this.stallTimeoutMs = stallTimeoutMs;
  }

  /** How rsync is told of an object there; of the folder itself with "". */
  remote(key: string): string {
    // rsync keeps everything from the far side's shell but patterns, which it takes for meant ones.
    const path = `${this.#destination.folder}${key}`.replace(/[*?[\]]/g, "\\$&");
    return `${this.#destination.rsyncLogin}:${path}`;
  }

  /** Runs rsync with these arguments. Rejects as `runRsync` does. */
  async rsync(args: readonly string[], doing: string, signal: AbortSignal, call: RsyncCallOptions = {}) {
    return await withSsh(this.#ssh, this.#runFolder, ({ command }) => {
      const timeout = `--timeout=${Math.ceil(this.stallTimeoutMs / 1000)}`;
      return this.#run("rsync", [`--rsh=${command}`, timeout, "--no-human-readable", ...args], doing, signal, call);
    });
  }

  /** Lets the far side's shell run a command in which "%" stands for the object. Rejects as `runRsync` does. */
  async onShell(command: string, key: string, doing: string, signal: AbortSignal, call: RsyncCallOptions = {}) {
    const path = `'${`${this.#destination.folder}${key}`.replaceAll("'", "'\\''")}'`;
    return await withSsh(this.#ssh, this.#runFolder, ({ args }) =>
      this.#run("ssh", [...args, this.#destination.login, command.replaceAll("%", () => path)], doing, signal, call),
    );
  }

  /** What lies in the folder. One that is not there yet has nothing. */
  async look(doing: string, signal: AbortSignal): Promise<Look> {
    const end = await this.rsync(["--list-only", this.remote("")], doing, signal).catch(unlessNotThereYet);
    const entries = (end?.lines ?? []).map((line) => LISTED.exec(line)).filter((match) => match !== null);
    return {
      hasPartialFolder: entries.some(([, type, , name]) => type === "d" && name === PARTIAL_FOLDER),
      objects: entries
        .filter(([, type, , name]) => type === "-" && isKey(name!))
        .map(([, , size, name]) => ({ key: name!, sizeBytes: Number(size) })),
    };
  }

  /** Names of the files that lie in the folder for what is on its way. */
  async partialNames(doing: string, signal: AbortSignal): Promise<readonly string[]> {
    const place = this.remote(`${PARTIAL_FOLDER}/`);
    const end = await this.rsync(["--list-only", place], doing, signal).catch(unlessNotThereYet);
    const entries = (end?.lines ?? []).map((line) => LISTED.exec(line)).filter((match) => match !== null);
    return entries.filter(([, type]) => type === "-").map(([, , , name]) => name!);
  }

  async #run(
    program: "rsync" | "ssh",
    args: readonly string[],
    doing: string,
    signal: AbortSignal,
    call: RsyncCallOptions,
  ): Promise<RsyncEnd> {
    const what = `${doing} on '${this.#name}'`;
    const stallTimeoutMs = this.stallTimeoutMs;
    return await runRsync({ program, args, what, stallTimeoutMs, ...call }, this.#clock, signal);
  }
}

/** The key of a file in that folder: its own name once rsync was interrupted in order, else a hidden one. */
export function keyOfRsyncPartial(name: string): string | undefined {
  const key = /^\.(.+)\.[A-Za-z0-9]{6}$/.exec(name)?.[1] ?? name;
  return isKey(key) ? key : undefined;
}

/** "-rw-------     1048576 2026/01/01 00:00:00 name" */
const LISTED = /^(.)\S{9,10}\s+(\d+) \S+ \S+ (.+)$/;

/** What rsync says of a missing folder, and what rrsync does. */
const NOT_THERE_YET = /(change_dir|rrsync error).*No such file or directory/;

/** Passes over the failure to enter a folder that the first `put` will make. */
export function unlessNotThereYet(error: unknown): undefined {
  if (!(error instanceof ChildError && NOT_THERE_YET.test(error.stderr))) throw error;
}
