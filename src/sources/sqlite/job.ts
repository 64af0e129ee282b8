import type { Clock } from "../../system/clock.ts";
import type { ByteString } from "../names.ts";
import type { Slice } from "./indexes.ts";

/** What the process that works on one database is told, as JSON on its standard input. */
export type Job = CopyJob | CheckJob;

export interface CopyJob {
  readonly do: "copy";
  /** Absolute path of the live database. */
  readonly database: ByteString;
  /** Of further names of the same file. */
  readonly otherNames: readonly ByteString[];
  /** The same for a person. */
  readonly name: string;
  /** A private, empty folder with a plain name. The copy will be `copy` in it. */
  readonly folder: string;
  /** For all of it: waiting for locks and copying. */
  readonly timeoutMs: number;
}

/** One copy under way. */
export interface Attempt {
  readonly job: CopyJob;
  /**
   * A link with a plain name to the database, for SQLite, which wants text: it follows the link and finds the side
   * files beside the database itself, whatever bytes their names are made of.
   */
  readonly link: string;
  readonly copy: string;
  readonly clock: Clock;
  readonly checkTime: () => void;
}

/** One process's share in the check of a copy: others may be at work on it at the same time. */
export interface CheckJob {
  readonly do: "check";
  /** Of a copy that no other program has open. */
  readonly copy: string;
  /** Whether its structure is looked at, and facts are noted. */
  readonly structure: boolean;
  /** The rows that are looked up in the indexes; null: none. */
  readonly slice: Slice | null;
  readonly timeoutMs: number;
}

/** What it answers, as JSON on its standard output. */
export type Answer =
  | { readonly did: "copy"; readonly copied: Copied }
  | { readonly did: "check"; readonly findings: CheckFindings }
  | { readonly did: "fail"; readonly message: string; readonly hint?: string; readonly cause?: string };

export interface Copied {
  readonly method: CopyMethod;
  /** What a person must look at already; nobody has looked into the copy yet. */
  readonly flaws: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly tookMs: number;
  /** The name by which the database was opened: that of the job or one of its others. */
  readonly database: ByteString;
  /** Endings of raw side files kept as `copy<ending>`: only beside a database that SQLite cannot read. */
  readonly sideFiles: readonly string[];
}

/** What one process has found. */
export interface CheckFindings {
  /** What is damaged; empty when all that was looked at is well. */
  readonly damage: readonly string[];
  /** What could not be looked at without the application, which is no damage. */
  readonly notChecked: readonly string[];
  /** Rules of the schema that rows do not keep, which is none either. */
  readonly rulesBroken: readonly string[];
  /** Null if they were not asked for, or cannot be read. */
  readonly facts: Readonly<Record<string, unknown>> | null;
}

/**
 * "online": by SQLite's backup from a pinned snapshot. "recovered": files copied at rest, the transactions in their
 * -wal or -journal finished or rolled back in the copy. "copied at rest": a file that needed neither.
 * "raw": SQLite cannot read it; the files as they were found.
 */
export type CopyMethod = "online" | "recovered" | "copied at rest" | "raw";
