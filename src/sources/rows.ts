/** Which rows of a table are wanted. */
export interface RowWish {
  readonly table: string;
  readonly where:
    | { readonly kind: "expression"; readonly sql: string }
    /** Rows whose column is that value, compared as the database compares the column with a text. */
    | { readonly kind: "key"; readonly column: string; readonly value: string };
}

/** What became of the wanted rows of one table. */
export interface TableOutcome {
  readonly table: string;
  /** Rows of the backup that were asked for, by what the live table had in their place. */
  readonly added: number;
  readonly different: number;
  readonly same: number;
  /** Rows of the live table that match as well and are not among them. They stay. Counted in a rehearsal, if at all. */
  readonly onlyLive?: number;
  /** The first hundred that are added or different. */
  readonly rows: readonly ShownRow[];
  /** Columns of the backup that the live table has no more. */
  readonly gone: readonly string[];
  /** Columns of the live table that the backup did not have yet: their default, or what is there. */
  readonly fresh: readonly string[];
  /** Rows that were not the backup's to the byte after they were written: triggers or new column types changed them. */
  readonly altered: number;
  /** Sequences that give numbers behind those of the added rows from now on. */
  readonly advanced?: readonly { readonly sequence: string; readonly to: string }[];
}

/** Values as a person reads them: text as it is, NULL, numbers, bytes in hex; long ones cut off. */
export interface ShownRow {
  readonly state: "added" | "different";
  readonly key: Readonly<Record<string, string>>;
  /** All of an added row; of a different one the columns that differ. */
  readonly columns: readonly { readonly name: string; readonly backup: string; readonly live?: string }[];
}
