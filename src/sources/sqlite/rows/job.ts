/** Which rows of a table are wanted. */
export interface RowWish {
  readonly table: string;
  readonly where:
    | { readonly kind: "expression"; readonly sql: string }
    /** Rows whose column is that value, compared as SQLite compares the column with a text. */
    | { readonly kind: "key"; readonly column: string; readonly value: string };
}

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

export interface TableOutcome {
  readonly table: string;
  /** Rows of the backup that were asked for, by what the live table had in their place. */
  readonly added: number;
  readonly different: number;
  readonly same: number;
  /** Rows of the live table that match as well and are not among them. They stay. Counted in a rehearsal. */
  readonly onlyLive: number;
  /** The first hundred that are added or different. */
  readonly rows: readonly ShownRow[];
  /** Columns of the backup that the live table has no more. */
  readonly gone: readonly string[];
  /** Columns of the live table that the backup did not have yet: their default, or what is there. */
  readonly fresh: readonly string[];
  /** Rows that were not the backup's to the byte after they were written: triggers or new column types changed them. */
  readonly altered: number;
}

/** Values as a person reads them: text as it is, NULL, numbers, x'…' for bytes; long ones cut off. */
export interface ShownRow {
  readonly state: "added" | "different";
  readonly key: Readonly<Record<string, string>>;
  /** All of an added row; of a different one the columns that differ. */
  readonly columns: readonly { readonly name: string; readonly backup: string; readonly live?: string }[];
}
