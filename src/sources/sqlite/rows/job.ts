import type { RowWish, TableOutcome } from "../../rows.ts";

export type { RowWish, ShownRow, TableOutcome } from "../../rows.ts";

/** What the process that restores rows is told, as JSON on its standard input. */
export interface RowsJob {
  /** A private copy of the backup's database. */
  readonly backup: string;
  /** The database to write to: the live one, or a copy of it. */
  readonly database: string;
  /** A private, empty folder. */
  readonly folder: string;
  readonly wishes: readonly RowWish[];
  /** "rehearse": all of it, and then a rollback. Only ever on a private copy of the live database. */
  readonly mode: "rehearse" | "write";
  /** New file for the SQL that undoes what was written; on disk before the commit. Only in the mode "write". */
  readonly undoFile?: string;
  /** What the undo file begins with: one line. */
  readonly undoTitle?: string;
  readonly fireTriggers: boolean;
  /** For waiting for the lock of the database. */
  readonly lockTimeoutMs: number;
}

/** What it answers, as JSON on its standard output. */
export type RowsAnswer =
  | { readonly kind: "done"; readonly tables: readonly TableOutcome[] }
  | {
      readonly kind: "failed";
      readonly failure: RowsFailure;
      readonly message: string;
      readonly hint?: string;
      readonly cause?: string;
    };

/** The kinds of LifeboatError that come out of it. */
export type RowsFailure = "failed" | "usage" | "not-found";
