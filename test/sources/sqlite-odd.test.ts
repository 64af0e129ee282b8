import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, statSync } from "node:fs";
import { chmod, chown, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import Database from "better-sqlite3";
import { provenFinding } from "../../src/run/backup/copy-databases.ts";
import { sqliteSource } from "../../src/sources/sqlite.ts";
import { survey } from "../../src/sources/survey.ts";
import { query, TOTAL_BALANCE, totalBalance, Volume } from "./volume.ts";

const signal = new AbortController().signal;

describe("databases that are damaged, replaced or out of the ordinary", { concurrency: 3 }, () => {
  test("a damaged index is kept and flagged with what SQLite found", async () => {
    await using volume = await Volume.create();
    const path = join(volume.live, "app.db");
    const database = new Database(path);
    database.exec("CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 2), (3, 4)");
    database
      .unsafeMode()
      .exec("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (b)' WHERE name = 'i'");
    database.close();
    const { finding, copy } = await volume.snapshot();
    assert.equal(finding.outcome, "flawed");
    assert.match(finding.flaws.join(), /SQLite's integrity_check: row 1 missing from index i/);
    assert.equal(query(copy, "SELECT count(*) FROM t NOT INDEXED"), 2);
  });

  test("a database that SQLite refuses is kept as it is, with its side files, and flagged", async () => {
    await using volume = await Volume.create();
    const path = join(volume.live, "app.db");
    await writeFile(path, Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(4080, 0x5a)]));
    await writeFile(`${path}-journal`, "precious");
    const { finding, copy, members } = await volume.snapshot();
    assert.equal(finding.outcome, "flawed");
    assert.match(finding.flaws.join(), /SQLite cannot read it: file is not a database/);
    assert.deepEqual(await readFile(copy), await readFile(path));
    assert.equal(await readFile(`${copy}-journal`, "utf8"), "precious");
    assert.equal(await readFile(members[0]?.listFile ?? "", "utf8"), "./app.db\0./app.db-journal\0");
  });

  test("a truncated database is kept and flagged", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    const path = join(volume.live, "app.db");
    execFileSync("truncate", ["-s", "100000", path]);
    const { finding, copy } = await volume.snapshot();
    assert.equal(finding.outcome, "flawed");
    assert.equal((await stat(copy)).size > 90_000, true);
  });

  test("a database that is replaced while it is copied is copied anew", async () => {
    await using volume = await Volume.create();
    const path = join(volume.live, "app.db");
    const next = join(volume.live, "..", "next.db");
    let failed = false;
    for (const [file, answer] of [
      [path, 1],
      [next, 2],
    ] as const) {
      const database = new Database(file);
      database.pragma("synchronous = OFF");
      database.exec(`CREATE TABLE t (a, b); INSERT INTO t VALUES (${answer}, zeroblob(100000000))`);
      database.close();
    }
    const copying = volume.snapshot();
    copying.catch(() => {
      // Awaited below; the loop must not outlive it.
      failed = true;
    });
    const partial = join(volume.stageFolder(1), "work", "copy");
    while (!failed && (await sizeOf(partial)) === 0) await nextTurn();
    await rename(next, path);
    assert.equal(query((await copying).copy, "SELECT a FROM t"), 2);
  });

  test("a database that is gone when it is to be copied is a failure by name", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    const lists = join(volume.live, "..");
    const found = await survey({ root: volume.readOnly, exclude: [], sqlite: "auto", never: [] }, lists, signal);
    const [database] = found.databases;
    assert.ok(database);
    await rm(join(volume.live, "app.db"));
    const copying = sqliteSource(database, { root: volume.readOnly, timeoutMs: 30_000 }).snapshot(
      { folder: lists },
      signal,
    );
    await assert.rejects(copying, /database 'app.db' could not be copied: it is gone/);
  });

  test("a journal that names a super-journal is rolled back as long as that is there", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    const before = query(join(volume.live, "app.db"), "SELECT sum(balance) FROM checking");
    await volume.crash(await volume.write("app.db", "half"));
    nameSuperJournal(join(volume.live, "app.db-journal"), "/data/in/the/application/app.db-mj1234569AB");
    await writeFile(join(volume.live, "app.db-mj1234569AB"), "");
    const { copy } = await volume.snapshot();
    assert.equal(totalBalance(copy), TOTAL_BALANCE);
    assert.equal(query(copy, "SELECT sum(balance) FROM checking"), before);
  });

  test("a journal that names a super-journal of another database is a failure, not half a transaction", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    await volume.crash(await volume.write("app.db", "half"));
    nameSuperJournal(join(volume.live, "app.db-journal"), "/elsewhere/main.db-mj1234569AB");
    await assert.rejects(volume.snapshot(), /in the middle of a transaction over several databases/);
  });
});

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => ({ size: 0 }))).size;
}

/** What SQLite writes at the end of a journal when a transaction over several databases is about to be committed. */
function nameSuperJournal(journal: string, superJournal: string): void {
  const name = Buffer.from(superJournal);
  const record = Buffer.concat([Buffer.alloc(4), name, Buffer.alloc(8), Buffer.from("d9d505f920a163d7", "hex")]);
  record.writeUInt32BE(name.length, 4 + name.length);
  record.writeInt32BE(
    name.reduce((sum, byte) => sum + byte, 0),
    8 + name.length,
  );
  appendFileSync(journal, record);
}

describe("names and attributes of a database", { concurrency: 3 }, () => {
  const names = [
    "new\nline.db",
    "quo'te\".db",
    "what?mode=memory",
    "a#b.db",
    "100%41.db",
    " spaces ",
    ":memory:",
    "\xff\xfe.db",
    "file:x",
    "-rf",
  ];

  test("whatever the name and the folder's name are, the copy has them byte for byte", async () => {
    await using volume = await Volume.create();
    const lists = join(volume.live, "..");
    for (const [index, name] of names.entries()) {
      const folder = `${volume.live}/${index}-${name}`;
      await mkdir(Buffer.from(folder, "latin1"));
      const made = join(lists, "made.db");
      const database = new Database(made);
      database.exec(
        `PRAGMA journal_mode = ${index % 2 ? "WAL" : "DELETE"}; CREATE TABLE t (a); INSERT INTO t VALUES (${index})`,
      );
      database.close();
      await rename(made, Buffer.from(`${folder}/${name}`, "latin1"));
    }
    const found = await survey({ root: volume.readOnly, exclude: [], sqlite: "auto", never: [] }, lists, signal);
    assert.equal(found.databases.length, names.length);
    const values = await Promise.all(
      found.databases.map(async (database, index) => {
        const folder = join(lists, `stage-${index}`);
        await mkdir(folder);
        const source = sqliteSource(database, { root: volume.readOnly, timeoutMs: 20_000 });
        const snapshot = await source.snapshot({ folder }, signal);
        const finding = await provenFinding(snapshot, signal);
        assert.deepEqual(finding.flaws, []);
        assert.deepEqual(finding.facts["rows"], { t: 1 });
        const [member] = snapshot.members;
        assert.ok(member);
        assert.deepEqual(
          await readFile(member.listFile),
          Buffer.concat([Buffer.from("./"), database.path, Buffer.from("\0")]),
        );
        const copy = join(lists, `copy-${index}.db`);
        await copyFile(Buffer.concat([Buffer.from(`${member.root}/`), database.path]), copy);
        return query(copy, "SELECT a FROM t");
      }),
    );
    assert.deepEqual(
      values.map(Number).sort((one, other) => one - other),
      [...names.keys()],
    );
  });

  test("the rows in the -wal of a database with a name that is no text are in the copy", async () => {
    await using volume = await Volume.create();
    const database = new Database(join(volume.live, "plain.db"));
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    database.exec("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (42)");
    const odd = Buffer.from(`${volume.live}/odd\n\xff.db`, "latin1");
    for (const ending of ["", "-wal", "-shm"]) {
      await copyFile(join(volume.live, `plain.db${ending}`), Buffer.concat([odd, Buffer.from(ending)]));
    }
    database.close();
    await rm(join(volume.live, "plain.db"));
    const lists = join(volume.live, "..");
    const found = await survey({ root: volume.readOnly, exclude: [], sqlite: "auto", never: [] }, lists, signal);
    const [only] = found.databases;
    assert.ok(only);
    assert.equal(found.totals.files, 0, "its side files are not on the list");
    const source = sqliteSource(only, { root: volume.readOnly, timeoutMs: 20_000 });
    const finding = await provenFinding(await source.snapshot({ folder: lists }, signal), signal);
    assert.deepEqual([finding.name, finding.facts["rows"]], ["odd\\x0a\\xff.db", { t: 1 }]);
  });

  test("a path longer than SQLite can open is copied at rest", async () => {
    await using volume = await Volume.create();
    const folder = join(volume.live, "f".repeat(250), "g".repeat(250), "h".repeat(250));
    await mkdir(folder, { recursive: true });
    await volume.write("app.db", "close");
    await rename(join(volume.live, "app.db"), join(folder, "app.db"));
    const { finding, copy } = await volume.snapshot();
    assert.deepEqual([finding.outcome, finding.facts["method"]], ["good", "copied at rest"]);
    assert.ok(copy.endsWith("/app.db"));
    assert.deepEqual(finding.facts["rows"], { checking: 2000, savings: 2000 });
  });

  test("mode, times and extended attributes are the original's, and the owner is told", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    const path = join(volume.live, "app.db");
    await chmod(path, 0o4640);
    await chown(path, 1234, 999);
    execFileSync("python3", ["-c", "import os,sys; os.setxattr(sys.argv[1], 'user.kept', b'yes')", path]);
    execFileSync("touch", ["-d", "1969-07-20T20:17:40.123456789Z", path]);
    const { members, copy } = await volume.snapshot();
    const [original, copied] = [statSync(path, { bigint: true }), statSync(copy, { bigint: true })];
    assert.equal(copied.mode, original.mode);
    assert.equal(copied.mtimeNs, original.mtimeNs);
    assert.deepEqual(members[0]?.owner, { uid: 1234, gid: 999 });
    const value = execFileSync("python3", [
      "-c",
      "import os,sys; print(os.getxattr(sys.argv[1], 'user.kept').decode())",
      copy,
    ]);
    assert.equal(value.toString().trim(), "yes");
  });

  test("two copies of one database can be made at the same time", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "hammer");
    const copies = await Promise.all([volume.snapshot(), volume.snapshot()]);
    for (const { copy } of copies) assert.equal(totalBalance(copy), TOTAL_BALANCE);
  });
});

describe("facts about a database", { concurrency: 3 }, () => {
  test("Barycenter's database: pages, versions, tables and rows are noted", async () => {
    await using volume = await Volume.create();
    await copyFile(join(import.meta.dirname, "../fixtures/barycenter/barycenter.db"), join(volume.live, "app.db"));
    const { finding, copy } = await volume.snapshot();
    assert.deepEqual(finding.flaws, []);
    const { facts } = finding;
    assert.equal(facts["check"], "structure and indexes");
    assert.equal(Number(facts["pageCount"]) * Number(facts["pageSize"]), (await stat(copy)).size);
    const rows = facts["rows"] as Record<string, number>;
    assert.equal(rows["clients"], query(copy, "SELECT count(*) FROM clients"));
    assert.equal(facts["tables"], Object.keys(rows).length);
  });

  test("page size, encoding and versions are kept; tables of all kinds are counted, quotes in their names included", async () => {
    await using volume = await Volume.create();
    const database = new Database(join(volume.live, "app.db"));
    database.exec(`
      PRAGMA page_size = 1024; PRAGMA encoding = 'UTF-16le'; PRAGMA user_version = 77; PRAGMA application_id = 4711;
      PRAGMA foreign_keys = OFF;
      CREATE TABLE parent (id INTEGER PRIMARY KEY);
      CREATE TABLE child (parent REFERENCES parent);
      INSERT INTO child VALUES (1), (2), (3);
      CREATE TABLE "it's ""quoted""" (a TEXT PRIMARY KEY) WITHOUT ROWID;
      INSERT INTO "it's ""quoted""" VALUES ('a'), ('b');
      CREATE TABLE made (a, twice GENERATED ALWAYS AS (a * 2) STORED, thrice AS (a * 3));
      INSERT INTO made (a) VALUES (1);
      CREATE VIRTUAL TABLE words USING fts5 (word);
    `);
    database.close();
    const { finding } = await volume.snapshot();
    assert.equal(finding.outcome, "good");
    const { rows, ...facts } = finding.facts as Record<string, unknown> & { rows: Record<string, number> };
    assert.deepEqual([rows["child"], rows['it\'s "quoted"'], rows["made"], rows["words"]], [3, 2, 1, undefined]);
    const { pageSize, encoding, userVersion, applicationId, foreignKeyViolations, journalMode } = facts;
    assert.deepEqual(
      { pageSize, encoding, userVersion, applicationId, foreignKeyViolations, journalMode },
      {
        pageSize: 1024,
        encoding: "UTF-16le",
        userVersion: 77,
        applicationId: 4711,
        foreignKeyViolations: 3,
        journalMode: "rollback",
      },
    );
  });
});
