import type { Readable } from "node:stream";

/** A container with a database server in it, and the way to run programs beside that. */
export interface ServerContainer {
  /** Its compose service, else its own name. */
  readonly name: string;
  /** Its own name. */
  readonly container: string;
  readonly user: string;
  readonly databases: readonly string[] | "all";
  /** Databases that are left out on purpose. */
  readonly dismissed: readonly string[];
  /** What it does instead, if it does not run: then nothing can be started in it. */
  readonly atRest?: string;
  start(command: ContainerCommand, signal: AbortSignal): RunningProgram;
}

/** A program to start in a container. */
export interface ContainerCommand {
  /** No shell reads it. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it reads on its standard input: nothing by default. */
  readonly input?: Readable;
}

/** A program whose output counts only once `done` has resolved. */
export interface RunningProgram {
  readonly stdout: Readable;
  /**
   * Resolves with the end of its stderr once it has ended with exit code 0. Rejects with ChildError otherwise, and with
   * the signal's reason when it was aborted, once it has ended. A handler is attached already.
   */
  readonly done: Promise<{ readonly stderr: string }>;
}
