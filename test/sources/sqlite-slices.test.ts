import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { compareIndexes } from "../../src/sources/sqlite/indexes.ts";

/** A table with one row that is not in its index as it should be, at `wrong`. */
function made(rowids: readonly bigint[], wrong: bigint): Database.Database {
  const database = new Database(":memory:");
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t (a)");
  const insert = database.prepare("INSERT INTO t VALUES (?, ?, ?)");
  for (const id of rowids) insert.run(id, id, id === wrong ? "another" : id);
  database.unsafeMode(true);
  database.exec(
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (b)' WHERE name = 'i'; PRAGMA writable_schema = RESET",
  );
  return database;
}

const ends = [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n];
const tables = { "a row": [7n], "few rows": [1n, 2n, 3n, 5n, 8n, 13n], "keys from end to end": ends };

for (const [what, rowids] of Object.entries(tables)) {
  test(`each row falls to one of the slices: ${what}`, () => {
    for (const slices of [1, 2, 3, 5]) {
      for (const wrong of rowids) {
        const database = made(rowids, wrong);
        const found = Array.from(
          { length: slices },
          (_, at) => compareIndexes(database, { at, of: slices }).damage.size > 0,
        );
        database.close();
        assert.equal(found.filter(Boolean).length, 1, `row ${wrong} in ${slices} slices`);
      }
    }
  });
}

test("what only SQLite can compare falls to one of the slices", () => {
  const database = new Database(":memory:");
  database.exec("CREATE TABLE t (a, b); CREATE INDEX i ON t (-a); INSERT INTO t VALUES (1, 2)");
  database.unsafeMode(true);
  database.exec(
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (-b)' WHERE name = 'i'; PRAGMA writable_schema = RESET",
  );
  const found = [0, 1, 2].map((at) => compareIndexes(database, { at, of: 3 }).damage.size);
  database.close();
  assert.equal(found.filter((damage) => damage === 1).length, 1);
});
