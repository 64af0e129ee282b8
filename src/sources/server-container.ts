import type { Readable } from "node:stream";

/** A container with a database server in it, and the way to run programs beside that. */
export interface ServerContainer {
  /** Its compose service, else its own name. */
  readonly name: string;
  /** Its own name. */
  readonly container: string;
  readonly user: string;
  readonly databases: readonly string[] | "all";
  /** Starts a program in the container. No shell reads `argv`; `input` is nothing by default. */
  start(
    command: {
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly input?: Readable;
    },
    signal: AbortSignal,
  ): RunningProgram;
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
