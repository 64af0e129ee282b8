import type { ByteString } from "../names.ts";

/** What the process that works on one database is told, as JSON on its standard input. */
export type Job = CopyJob | CheckJob;

export interface CopyJob {
  readonly do: "copy";
  /** Absolute path of the live database. */
  readonly database: ByteString;
  /** The same for a person. */
  readonly name: string;
  /** A private, empty folder with a plain name. The copy will be `copy` in it. */
  readonly folder: string;
  /** For all of it: waiting for locks and copying. */
  readonly timeoutMs: number;
}

export interface CheckJob {
  readonly do: "check";
  /** Of a copy that no other program has open. */
  readonly copy: string;
  /** The same for a person. */
  readonly name: string;
  readonly timeoutMs: number;
}

/** What it answers, as JSON on its standard output. */
export type Answer =
  | { readonly did: "copy"; readonly copied: Copied }
  | { readonly did: "check"; readonly checked: Checked }
  | { readonly did: "fail"; readonly message: string; readonly hint?: string; readonly cause?: string };

export interface Copied {
  readonly method: CopyMethod;
  /** What a person must look at already; nobody has looked into the copy yet. */
  readonly flaws: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly tookMs: number;
  /** Endings of raw side files kept as `copy<ending>`: only beside a database that SQLite cannot read. */
  readonly sideFiles: readonly string[];
}

export interface Checked {
  /** What is not whole; empty when the copy is good. */
  readonly flaws: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * "online": by SQLite's backup from a pinned snapshot. "recovered": files copied at rest, the transactions in their
 * -wal or -journal finished or rolled back in the copy. "copied at rest": a file that needed neither.
 * "raw": SQLite cannot read it; the files as they were found.
 */
export type CopyMethod = "online" | "recovered" | "copied at rest" | "raw";
