import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import Database from "better-sqlite3";
import { LifeboatError } from "../../src/errors.ts";
import { restoreRows, type RowsJob, type RowWish, type TableOutcome } from "../../src/sources/sqlite-rows.ts";
import { until } from "../until.ts";

let folder: string;
let runs = 0;

beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "lifeboat-rows-"))));
afterEach(() => rm(folder, { recursive: true }));

/** Two databases made of the same SQL; `later` happens to the live one only. */
async function databases(sql: string, later = ""): Promise<void> {
  const backup = new Database(join(folder, "backup.db"));
  backup.exec(sql);
  backup.close();
  await copyFile(join(folder, "backup.db"), join(folder, "live.db"));
  change(later);
}

function change(sql: string): void {
  const live = new Database(join(folder, "live.db"));
  live.pragma("foreign_keys = OFF");
  live.exec(sql);
  live.close();
}

function rows(sql: string): unknown[] {
  const live = new Database(join(folder, "live.db"), { readonly: true });
  const found = live.prepare(sql).raw().all();
  live.close();
  return found;
}

const where = (table: string, sql: string): RowWish => ({ table, where: { kind: "expression", sql } });

async function restore(wishes: readonly RowWish[], options: Partial<RowsJob> = {}, timeoutMs = 20_000) {
  const work = join(folder, `work-${runs++}`);
  await mkdir(work);
  const job = { folder: work, wishes, mode: "write" as const, fireTriggers: false, undoFile: join(work, "undo.sql") };
  const paths = { backup: join(folder, "backup.db"), database: join(folder, "live.db") };
  const tables = await restoreRows({ ...job, ...paths, ...options }, timeoutMs, AbortSignal.timeout(30_000));
  return { tables, table: tables[0] as TableOutcome, undoFile: job.undoFile };
}

async function refused(kind: string, message: RegExp, wishes: readonly RowWish[], options: Partial<RowsJob> = {}) {
  const before = readFileSync(join(folder, "live.db"));
  await assert.rejects(restore(wishes, options), (error: LifeboatError) => {
    assert.match(`${error.message} / ${error.hint}`, message);
    assert.equal(error.kind, kind);
    return true;
  });
  assert.deepEqual(readFileSync(join(folder, "live.db")), before, "the database was touched");
}

const accounts =
  "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE NOT NULL UNIQUE, mail TEXT, hash BLOB);" +
  "INSERT INTO account VALUES (1, 'toast', 'toast@example.com', x'00ff'), (2, 'jam', NULL, x'01'), (3, 'tea', 'tea@x', x'')";

suite("restoring rows", () => {
  test("adds what is missing, overwrites what is different, leaves the rest, and says which is which", async () => {
    await databases(accounts, "DELETE FROM account WHERE id = 1; UPDATE account SET mail = 'new@x' WHERE id = 2");
    change("INSERT INTO account VALUES (9, 'newer', 'n@x', x'09')");
    const { table } = await restore([where("account", "id < 10")], { mode: "rehearse" });
    const { added, different, same, onlyLive, rows: shown } = table;
    assert.deepEqual({ added, different, same, onlyLive }, { added: 1, different: 1, same: 1, onlyLive: 1 });
    assert.deepEqual(shown, [
      {
        state: "added",
        key: { id: "1" },
        columns: [
          { name: "id", backup: "1" },
          { name: "name", backup: "toast" },
          { name: "mail", backup: "toast@example.com" },
          { name: "hash", backup: "x'00ff'" },
        ],
      },
      { state: "different", key: { id: "2" }, columns: [{ name: "mail", backup: "NULL", live: "new@x" }] },
    ]);
    assert.deepEqual(rows("SELECT id FROM account ORDER BY id"), [[2], [3], [9]], "a rehearsal writes nothing");
    await restore([where("account", "id < 10")]);
    assert.deepEqual(rows("SELECT id, mail, hex(hash) FROM account"), [
      [1, "toast@example.com", "00FF"],
      [2, null, "01"],
      [3, "tea@x", ""],
      [9, "n@x", "09"],
    ]);
  });

  test("a row that differs only in the case of a name that compares without it is different all the same", async () => {
    await databases(accounts, "UPDATE account SET name = 'TOAST' WHERE id = 1");
    const { table } = await restore([where("account", "1")]);
    assert.deepEqual([table.different, table.same], [1, 2]);
    assert.deepEqual(rows("SELECT name FROM account WHERE id = 1"), [["toast"]]);
  });

  test("an account found by a key is found as its column compares", async () => {
    await databases(accounts, "DELETE FROM account");
    const key = (column: string, value: string): RowWish => ({
      table: "ACCOUNT",
      where: { kind: "key", column, value },
    });
    await restore([key("Name", "TOAST")]);
    await restore([key("id", "3")]);
    assert.deepEqual(rows("SELECT id, name FROM account ORDER BY id"), [
      [1, "toast"],
      [3, "tea"],
    ]);
  });

  test("the undo file, for its owner alone, brings back every byte of what was there", async () => {
    const odd = 'CREATE TABLE "o\'d""d" (k TEXT PRIMARY KEY, v, w REAL) WITHOUT ROWID;';
    await databases(
      `${odd} INSERT INTO "o'd""d" VALUES ('a', 1, 1.5), ('b''', x'00', 2), ('é', 'x', 3), ('ff', 'x', 4), ('new', 1, 1)`,
      `UPDATE "o'd""d" SET v = CAST(x'61ff' AS TEXT) WHERE k = 'ff'; UPDATE "o'd""d" SET v = CAST(x'610062' AS TEXT), w = 0.1 WHERE k = 'a'; UPDATE "o'd""d" SET v = 'it''s' WHERE k = 'b''';` +
        `UPDATE "o'd""d" SET v = NULL, w = 1e300 WHERE k = 'é'; DELETE FROM "o'd""d" WHERE k = 'new'`,
    );
    const all = `SELECT quote(k), typeof(v), hex(v), w FROM "o'd""d"`;
    const before = rows(all);
    const { undoFile } = await restore([where(`o'd"d`, "1")]);
    assert.notDeepEqual(rows(all), before);
    assert.equal(statSync(undoFile).mode & 0o777, 0o600);
    execFileSync("sqlite3", ["-bail", join(folder, "live.db")], { input: readFileSync(undoFile) });
    assert.deepEqual(rows(all), before);
  });

  test("text that is not UTF-8, integers of 64 bits and types come back as they were", async () => {
    await databases(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, CAST(x'ff00fe' AS TEXT)), (2, 9223372036854775807), (3, 1.0), (4, '5')",
      "DELETE FROM t",
    );
    const { table } = await restore([where("t", "1")]);
    assert.equal(table.altered, 0);
    assert.deepEqual(rows("SELECT id, typeof(v), quote(CAST(v AS BLOB)) FROM t WHERE id IN (1, 2)"), [
      [1, "text", "X'FF00FE'"],
      [2, "integer", "X'39323233333732303336383534373735383037'"],
    ]);
    assert.deepEqual(rows("SELECT typeof(v) FROM t WHERE id > 2"), [["real"], ["text"]]);
  });

  test("columns are matched by name: new ones keep their default or value, those that are gone are told", async () => {
    await databases(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, old TEXT, name TEXT); INSERT INTO t VALUES (1, 'o', 'one'), (2, 'o', 'two')",
      "ALTER TABLE t DROP COLUMN old; ALTER TABLE t ADD COLUMN level INTEGER DEFAULT 7;" +
        "ALTER TABLE t ADD COLUMN upper TEXT AS (upper(name)); DELETE FROM t WHERE id = 1; UPDATE t SET level = 9, name = 'x'",
    );
    const { table } = await restore([where("t", "1")]);
    assert.deepEqual([table.gone, table.fresh], [["old"], ["level"]]);
    assert.deepEqual(rows("SELECT id, name, level, upper FROM t"), [
      [1, "one", 7, "ONE"],
      [2, "two", 9, "TWO"],
    ]);
  });

  test("several tables are written together or not at all", async () => {
    await databases(
      `${accounts}; CREATE TABLE nick (nick TEXT PRIMARY KEY, account INTEGER REFERENCES account ON DELETE CASCADE);` +
        "INSERT INTO nick VALUES ('toast', 1), ('toast_', 1)",
      "DELETE FROM nick; DELETE FROM account WHERE id = 1",
    );
    await refused("failed", /row of 'nick' would refer to a row of 'account' that is not there.*--table/, [
      where("nick", "account = 1"),
    ]);
    await restore([where("nick", "account = 1"), where("account", "id = 1")]);
    assert.equal(rows("SELECT * FROM nick JOIN account ON account = id").length, 2);
    assert.deepEqual(rows("PRAGMA foreign_key_check"), []);
  });

  test("what refers to nothing already is no reason to refuse, a parent that children lose is", async () => {
    await databases(
      "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE); CREATE TABLE c (id INTEGER PRIMARY KEY, code REFERENCES p (code));" +
        "INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO c VALUES (1, 'a')",
      "INSERT INTO c VALUES (5, 'nothing')",
    );
    change("UPDATE p SET code = 'z' WHERE id = 1; UPDATE c SET code = 'z' WHERE id = 1");
    await refused("failed", /row of 'c' would refer to a row of 'p'/, [where("p", "id = 1")]);
    change("DELETE FROM p WHERE id = 2");
    await restore([where("p", "id = 2")]);
    assert.equal(rows("SELECT * FROM p").length, 2);
  });

  test("a value that another row has taken since is an error naming its column, also where the table says REPLACE", async () => {
    await databases(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON CONFLICT REPLACE); INSERT INTO t VALUES (1, 'toast')",
      "DELETE FROM t; INSERT INTO t VALUES (2, 'toast')",
    );
    await refused("failed", /UNIQUE constraint failed: t\.name/, [where("t", "id = 1")]);
  });

  test("a table with triggers is refused, and with fireTriggers they fire and what they changed is told", async () => {
    await databases(accounts, "DELETE FROM account WHERE id = 1");
    change(
      "CREATE TABLE log (what); CREATE TRIGGER audit AFTER INSERT ON account BEGIN INSERT INTO log VALUES (new.name);" +
        "UPDATE account SET mail = 'trigger' WHERE id = new.id; END",
    );
    await refused("usage", /has triggers.*'audit'.*--fire-triggers/, [where("account", "id = 1")]);
    const { table } = await restore([where("account", "id = 1")], { fireTriggers: true });
    assert.equal(table.altered, 1);
    assert.deepEqual(rows("SELECT what FROM log"), [["toast"]]);
  });

  test("a table without a primary key goes by a unique index, or is refused", async () => {
    await databases(
      "CREATE TABLE u (a, b); CREATE UNIQUE INDEX i ON u (a); INSERT INTO u VALUES (1, 1); CREATE TABLE n (a)",
    );
    change("UPDATE u SET b = 2");
    await restore([where("u", "1")]);
    assert.deepEqual(rows("SELECT b FROM u"), [[1]]);
    await refused("usage", /'n' has neither a primary key nor a unique index/, [where("n", "1")]);
  });

  test("views, virtual tables, unknown tables and rows that are not there are named", async () => {
    await databases(`${accounts}; CREATE VIEW v AS SELECT * FROM account; CREATE VIRTUAL TABLE f USING fts5(x)`);
    await refused("usage", /'v' is a view/, [where("v", "1")]);
    await refused("usage", /'f' is a virtual/, [where("f", "1")]);
    await refused("not-found", /no table 'acount'.*There are: account/, [where("acount", "1")]);
    await refused("not-found", /no table 'sqlite_schema'/, [where("sqlite_schema", "1")]);
    await refused("not-found", /no such row in 'account'/, [where("account", "name = 'nobody'")]);
    await refused("usage", /named twice/, [where("account", "1"), where("ACCOUNT", "1")]);
    const key: RowWish = { table: "account", where: { kind: "key", column: "nick", value: "x" } };
    await refused("usage", /no column 'nick'.*It has: id, name/, [key]);
  });

  test("a condition is one expression: it cannot leave its parentheses or do anything", async () => {
    await databases(accounts, "DELETE FROM account");
    const wrong: readonly [sql: string, why: RegExp][] = [
      ["1) OR (1", /closes a parenthesis/],
      ["1); DROP TABLE account; --", /closes a parenthesis/],
      ["1 -- all", /comment/],
      ["1 /* all */", /comment/],
      ["1; DELETE FROM account", /semicolon/],
      ["(1", /parenthesis is not closed/],
      ["name = 'toast", /quote is not closed/],
      ['name = "toast', /quote is not closed/],
      ["", /empty/],
      ["DELETE FROM account", /syntax error/],
      ["nick = 'toast'", /no such column: nick/],
      ['name = "toast"', /no such column/],
      ["id = ?", /parameters/],
    ];
    for (const [sql, why] of wrong) await refused("usage", why, [where("account", sql)]);
    await restore([
      where("account", "name IN (SELECT name FROM account WHERE (id = 1)) AND ';)' <> '--' AND [id] > 0"),
    ]);
    assert.deepEqual(rows("SELECT name FROM account"), [["toast"]]);
  });

  test("a busy database is waited for, and after its deadline left as it is", async () => {
    await databases(accounts, "DELETE FROM account; PRAGMA journal_mode = WAL");
    const writer = new Database(join(folder, "live.db"));
    writer.exec("BEGIN IMMEDIATE");
    await assert.rejects(restore([where("account", "1")], {}, 300), /locked by another process/);
    const waiting = restore([where("account", "id = 1")], {}, 20_000);
    await until("the rows are chosen", () => existsSync(join(folder, `work-${runs - 1}`, "chosen.db")));
    writer.exec("COMMIT");
    await waiting;
    writer.close();
    assert.deepEqual(rows("SELECT name FROM account"), [["toast"]]);
  });

  test("a live database in use, in WAL mode, takes the rows while others read", async () => {
    await databases(accounts, "PRAGMA journal_mode = WAL; DELETE FROM account");
    const reader = new Database(join(folder, "live.db"), { readonly: true });
    reader.exec("BEGIN");
    assert.equal(reader.prepare("SELECT count(*) FROM account").pluck().get(), 0);
    await restore([where("account", "1")]);
    reader.exec("COMMIT");
    assert.equal(reader.prepare("SELECT count(*) FROM account").pluck().get(), 3);
    reader.close();
  });

  test("rows whose key is NULL are refused", async () => {
    await databases("CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES (NULL, 1), ('a', 2)");
    await refused("usage", /1 of the rows chosen of 't' have NULL in their key \(k\)/, [where("t", "1")]);
    await restore([where("t", "k IS NOT NULL")]);
  });
});
