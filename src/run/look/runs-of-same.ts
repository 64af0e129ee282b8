import Database from "better-sqlite3";

/** Backups in a row, without a gap, that have the same content under one path. */
export interface RunOfSame {
  /** The number of the newest of them, and the time of the file there. */
  readonly newest: number;
  readonly mtimeNs: bigint;
  readonly backups: number;
}

/** The run that each path is in, from the newest backup on; in a table on disk, which is worth nothing afterwards. */
export class RunsOfSame implements Disposable {
  readonly #database: Database.Database;
  readonly #get: Database.Statement;
  readonly #put: Database.Statement;
  readonly #delete: Database.Statement;

  /** `file` must not exist yet. */
  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE");
    this.#database.exec(
      "CREATE TABLE runs (path BLOB PRIMARY KEY, newest INTEGER, mtime TEXT, backups INTEGER) WITHOUT ROWID; BEGIN",
    );
    this.#get = this.#database.prepare("SELECT newest, mtime, backups FROM runs WHERE path = ?");
    this.#put = this.#database.prepare("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)");
    this.#delete = this.#database.prepare("DELETE FROM runs WHERE path = ?");
  }

  /** The run of that path, the backup `at` included; `goesOn` says whether the one before it is in it as well. */
  extend(path: Buffer, at: { readonly backup: number; readonly mtimeNs: bigint }, goesOn: boolean): RunOfSame {
    const row = this.#get.get(path) as { newest: number; mtime: string; backups: number } | undefined;
    const run = row
      ? { newest: row.newest, mtimeNs: BigInt(row.mtime), backups: row.backups + 1 }
      : { newest: at.backup, mtimeNs: at.mtimeNs, backups: 1 };
    if (goesOn) this.#put.run(path, run.newest, run.mtimeNs.toString(), run.backups);
    else if (row) this.#delete.run(path);
    return run;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
