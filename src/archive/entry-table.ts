import Database from "better-sqlite3";
import { LifeboatError } from "../errors.ts";
import type { IndexEntry } from "./format.ts";
import { printable } from "./tar-member.ts";

/**
 * One name of a tree of files. A hard link is the file that it is another name of: which of the names came first in an
 * archive is no property of the files.
 */
export interface TreeEntry {
  readonly path: Buffer;
  readonly type: "file" | "folder" | "symlink";
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Of a symlink. */
  readonly linkTarget?: Buffer;
  /** Of a file, or of what is left of a damaged one; undefined if nobody has read it yet. */
  readonly sha256?: string;
}

/** What is added: an entry of an index, or of a walk that has not read the files. */
export type AddedEntry = Omit<IndexEntry, "heldBy">;

/**
 * Trees of files in a table on disk, for comparing them in the order of their paths: memory stays small however many
 * files there are. Made in a file that does not exist yet, which is worth nothing afterwards.
 */
export class EntryTable implements Disposable {
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;

  constructor(file: string) {
    this.#database = new Database(file);
    // It is thrown away after a crash: nothing has to be synced or rolled back.
    this.#database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE");
    this.#database.exec(
      "CREATE TABLE entries (tree INTEGER, path BLOB, type TEXT, size INTEGER, mode INTEGER, uid INTEGER, gid INTEGER, " +
        "mtime TEXT, link BLOB, sha256 TEXT, listed INTEGER, PRIMARY KEY (tree, path)) WITHOUT ROWID",
    );
    this.#insert = this.#database.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  }

  /** Throws "verification-failed" if the tree has that path already. */
  add(tree: number, entry: AddedEntry): void {
    try {
      this.#add(tree, entry, LISTED);
    } catch (error) {
      if (!isDouble(error)) throw error;
      throw new LifeboatError("verification-failed", `the index has '${printable(entry.path)}' twice`, {
        cause: error,
      });
    }
  }

  /** Adds a file only for the hard links to it: it is not among the entries unless it was added before. */
  addLinkTarget(tree: number, entry: AddedEntry): void {
    try {
      this.#add(tree, entry, UNLISTED);
    } catch (error) {
      if (!isDouble(error)) throw error;
    }
  }

  /** Forgets a tree. */
  drop(tree: number): void {
    this.#settle();
    this.#database.prepare("DELETE FROM entries WHERE tree = ?").run(tree);
  }

  /** The entries of a tree, by the bytes of their paths. Nothing may be added before the last was taken. */
  *entries(tree: number): Generator<TreeEntry, void> {
    this.#settle();
    const rows = this.#database.prepare<[number], Row>(
      "SELECT e.path, e.type, coalesce(f.size, e.size) AS size, e.mode, e.uid, e.gid, e.mtime, e.link, " +
        "coalesce(e.sha256, f.sha256) AS sha256 FROM entries e " +
        "LEFT JOIN entries f ON e.type = 'hardlink' AND f.tree = e.tree AND f.path = e.link " +
        "WHERE e.tree = ? AND e.listed ORDER BY e.path",
    );
    for (const row of rows.iterate(tree)) yield entryOf(row);
  }

  /** Every path of two trees with what either has there. */
  *pairs(one: number, other: number): Generator<{ readonly one?: TreeEntry; readonly other?: TreeEntry }, void> {
    const [ones, others] = [this.entries(one), this.entries(other)];
    try {
      let [a, b] = [ones.next(), others.next()];
      while (!a.done || !b.done) {
        const order = a.done ? 1 : b.done ? -1 : a.value.path.compare(b.value.path);
        yield {
          ...(order <= 0 && !a.done ? { one: a.value } : {}),
          ...(order >= 0 && !b.done ? { other: b.value } : {}),
        };
        if (order <= 0) a = ones.next();
        if (order >= 0) b = others.next();
      }
    } finally {
      ones.return();
      others.return();
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #add(tree: number, entry: AddedEntry, listed: number): void {
    if (!this.#database.inTransaction) this.#database.exec("BEGIN");
    const { path, type, sizeBytes, mode, uid, gid, mtimeNs, linkTarget, sha256, storedSha256 } = entry;
    const last = [mtimeNs.toString(), linkTarget ?? null, sha256 ?? storedSha256 ?? null, listed];
    this.#insert.run(tree, path, type, sizeBytes, mode, uid, gid, ...last);
  }

  #settle(): void {
    if (this.#database.inTransaction) this.#database.exec("COMMIT");
  }
}

const LISTED = 1;
const UNLISTED = 0;

function isDouble(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_CONSTRAINT");
}

interface Row {
  readonly path: Buffer;
  readonly type: IndexEntry["type"];
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: string;
  readonly link: Buffer | null;
  readonly sha256: string | null;
}

function entryOf({ path, type, size, mode, uid, gid, mtime, link, sha256 }: Row): TreeEntry {
  return {
    ...{ path, type: type === "hardlink" ? "file" : type, sizeBytes: size, mode, uid, gid, mtimeNs: BigInt(mtime) },
    ...(type === "symlink" && link ? { linkTarget: link } : {}),
    ...(sha256 === null ? {} : { sha256 }),
  };
}
