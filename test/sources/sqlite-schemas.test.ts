import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import type { SourceFinding } from "../../src/sources/source.ts";
import { query, Volume } from "./volume.ts";

/** Writes a schema that SQLite would not take from us: that of an application, or one that was changed after its rows. */
function changeSchema(database: Database.Database, name: string, sql: string): void {
  database.unsafeMode(true);
  database.exec("PRAGMA writable_schema = ON");
  database.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = ?").run(sql, name);
  database.exec("PRAGMA writable_schema = RESET");
}

async function findingOf(make: (database: Database.Database) => void): Promise<SourceFinding> {
  await using volume = await Volume.create();
  const database = new Database(join(volume.live, "app.db"));
  make(database);
  database.close();
  return (await volume.snapshot()).finding;
}

const rows = "INSERT INTO t VALUES ('a'), ('b'), ('c')";

interface Case {
  readonly what: string;
  readonly make: (database: Database.Database) => void;
  readonly notChecked?: RegExp;
  readonly rulesBroken?: RegExp;
}

const needed: readonly Case[] = [
  {
    what: "a CHECK with its function",
    make(database) {
      database.exec(`CREATE TABLE t (a TEXT); ${rows}`);
      changeSchema(database, "t", "CREATE TABLE t (a TEXT CHECK (a REGEXP '^x'))");
    },
    notChecked: /^CHECK constraints: unknown function: REGEXP\(\)$/,
  },
  {
    what: "a generated column with its function",
    make(database) {
      database.exec(`CREATE TABLE t (a TEXT); ${rows}`);
      changeSchema(database, "t", "CREATE TABLE t (a TEXT, b AS (shout(a)) NOT NULL)");
    },
    notChecked: /^rules of table 't': unknown function: shout\(\)$/,
  },
  {
    what: "an index with its collation",
    make(database) {
      database.exec(`CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a); ${rows}`);
      changeSchema(database, "i", "CREATE INDEX i ON t (a COLLATE icu_root)");
    },
    notChecked: /^index 'i' of table 't': no such collation sequence: icu_root$/,
  },
  {
    what: "a key with its collation, without rowid",
    make(database) {
      database.exec(`CREATE TABLE t (a TEXT PRIMARY KEY, b UNIQUE) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1)`);
      changeSchema(database, "t", "CREATE TABLE t (a TEXT COLLATE icu_root PRIMARY KEY, b UNIQUE) WITHOUT ROWID");
    },
    notChecked: /^rules of table 't': no such collation sequence: icu_root$/,
  },
  {
    what: "an index on its function",
    make(database) {
      database.function("shout", { deterministic: true }, (text) => String(text).toUpperCase());
      database.exec(`CREATE TABLE t (a TEXT); CREATE INDEX i ON t (shout(a)); ${rows}`);
    },
    notChecked: /^index 'i' of table 't': unknown function: shout\(\)$/,
  },
  {
    what: "an index on some rows by its function",
    make(database) {
      database.function("shout", { deterministic: true }, (text) => String(text).toUpperCase());
      database.exec(`CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a) WHERE shout(a) > 'A'; ${rows}`);
    },
    notChecked: /^index 'i' of table 't': unknown function: shout\(\)$/,
  },
  ...(["fts4", "fts5"] as const).map((module): Case => {
    return {
      what: `${module} with its tokenizer`,
      make(database) {
        database.exec(`CREATE VIRTUAL TABLE t USING ${module} (a); ${rows}`);
        changeSchema(database, "t", `CREATE VIRTUAL TABLE t USING ${module} (a, tokenize=collating)`);
      },
      notChecked: /^virtual table 't': /,
    };
  }),
  {
    what: "a virtual table of its module",
    make(database) {
      database.exec(`CREATE VIRTUAL TABLE t USING fts5 (a); CREATE TABLE u (a); INSERT INTO u VALUES (1)`);
      changeSchema(database, "t", "CREATE VIRTUAL TABLE t USING vec0 (a)");
    },
    notChecked: /^virtual table 't': no such module: vec0$/,
  },
  {
    what: "a row that breaks a CHECK",
    make: (database) =>
      database.exec(
        "CREATE TABLE t (a CHECK (a > 0)); PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (-1), (-2), (1)",
      ),
    rulesBroken: /^CHECK constraint failed in t \(rows: 2\)$/,
  },
  {
    what: "NULL where NOT NULL was said later, in more rows than SQLite tells of a table",
    make(database) {
      database.exec("CREATE TABLE t (a, b); CREATE INDEX i ON t (lower(b))");
      database.exec(
        "INSERT INTO t SELECT NULL, value FROM json_each('[' || trim(replace(hex(zeroblob(75)), '00', '1,1,'), ',') || ']')",
      );
      changeSchema(database, "t", "CREATE TABLE t (a NOT NULL, b)");
    },
    notChecked: /^all indexes of table 't': too many of its rows break rules of the schema$/,
    rulesBroken: /^NULL value in t.a \(rows: 150\)$/,
  },
  {
    what: "a type that is STRICT by now",
    make(database) {
      database.exec(`CREATE TABLE t (a TEXT) STRICT; ${rows}`);
      changeSchema(database, "t", "CREATE TABLE t (a INT) STRICT");
    },
    rulesBroken: /^non-INT value in t.a \(rows: 3\)$/,
  },
];

describe(
  "a healthy database whose schema needs its application, or has rows that break its rules",
  { concurrency: 3 },
  () => {
    for (const { what, make, notChecked, rulesBroken } of needed) {
      test(`is good, and what was not checked is told: ${what}`, async () => {
        const { outcome, flaws, facts } = await findingOf(make);
        assert.deepEqual([outcome, flaws], ["good", []]);
        assertTold(facts["notChecked"], notChecked);
        assertTold(facts["rulesBroken"], rulesBroken);
      });
    }

    test("is good without anything to tell, if it needs nothing", async () => {
      const { outcome, facts } = await findingOf((database) => {
        database.exec(`
        CREATE TABLE t (a TEXT COLLATE NOCASE UNIQUE, "rowid" UNIQUE, c REAL, d AS (a || c), PRIMARY KEY (c, a));
        CREATE INDEX "it's ""one""" ON t (a, d DESC);
        CREATE INDEX lowered ON t (lower(a));
        CREATE UNIQUE INDEX some ON t (c) WHERE c > 1;
        INSERT INTO t VALUES ('a', 1, 1), ('B', NULL, NULL), ('c', NULL, 2.5), (NULL, 9223372036854775807, 3);
        CREATE TABLE far (id INTEGER PRIMARY KEY, a UNIQUE, b);
        CREATE INDEX of_far ON far (b, a);
        INSERT INTO far VALUES (-9223372036854775808, NULL, 1), (0, NULL, 1), (9223372036854775807, x'00', 1);
        CREATE TABLE keyed (k PRIMARY KEY, v UNIQUE) WITHOUT ROWID;
        INSERT INTO keyed VALUES (1, 2), (2, 1);
        CREATE VIEW v AS SELECT * FROM t;
      `);
      });
      const { notChecked, rulesBroken, check } = facts;
      assert.deepEqual(
        { outcome, notChecked, rulesBroken, check },
        { outcome: "good", notChecked: undefined, rulesBroken: undefined, check: "structure and indexes" },
      );
    });
  },
);

function assertTold(told: unknown, expected: RegExp | undefined): void {
  if (!expected) assert.equal(told, undefined);
  else
    assert.ok(
      (told as string[]).some((sentence) => expected.test(sentence)),
      JSON.stringify(told),
    );
}

/** What only the application can read, beside what is damaged. */
const APPLICATION = `
  CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a);
  INSERT INTO t SELECT hex(zeroblob(100)) || value FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22]');
`;

function needApplication(database: Database.Database): void {
  changeSchema(database, "i", "CREATE INDEX i ON t (a COLLATE icu_root)");
}

describe("damage is found in a database that cannot be checked as a whole", { concurrency: 3 }, () => {
  const indexes = [
    { what: "in another table", made: "CREATE INDEX j ON o (a)", said: "CREATE INDEX j ON o (b)" },
    { what: "unique", made: "CREATE UNIQUE INDEX j ON o (a)", said: "CREATE UNIQUE INDEX j ON o (b)" },
    { what: "on an expression", made: "CREATE INDEX j ON o (-a)", said: "CREATE INDEX j ON o (-b)" },
    { what: "of some rows", made: "CREATE INDEX j ON o (a) WHERE a", said: "CREATE INDEX j ON o (b) WHERE a" },
    { what: "of another collation", made: "CREATE INDEX j ON o (a)", said: "CREATE INDEX j ON o (b COLLATE NOCASE)" },
  ];
  for (const { what, made, said } of indexes) {
    for (const rowid of ["", " WITHOUT ROWID"]) {
      test(`an index that does not agree with its table: ${what}${rowid.toLowerCase()}`, async () => {
        const { outcome, flaws, facts } = await findingOf((database) => {
          database.exec(`${APPLICATION} CREATE TABLE o (k INTEGER PRIMARY KEY, a, b)${rowid}; ${made}`);
          database.exec("INSERT INTO o VALUES (1, 2, 3), (2, 4, 5)");
          needApplication(database);
          changeSchema(database, "j", said);
        });
        assert.equal(outcome, "flawed");
        assert.match(flaws.join(), /SQLite's integrity_check: row 1 missing from index j/);
        assertTold(facts["notChecked"], /index 'i'/);
      });
    }
  }

  test("an index beside the one that cannot be checked", async () => {
    const { outcome, flaws } = await findingOf((database) => {
      database.exec(`${APPLICATION} ALTER TABLE t ADD COLUMN b; CREATE INDEX j ON t (b)`);
      needApplication(database);
      changeSchema(database, "j", "CREATE INDEX j ON t (a)");
    });
    assert.deepEqual([outcome, flaws], ["flawed", ["index 'j' does not have each row of table 't' once"]]);
  });

  test("a value that is twice in a unique index", async () => {
    const { flaws } = await findingOf((database) => {
      database.exec(
        "CREATE TABLE o (a, b); CREATE INDEX j ON o (a, b); INSERT INTO o VALUES (1, 2), (1, 2), (NULL, 2), (NULL, 2)",
      );
      changeSchema(database, "j", "CREATE UNIQUE INDEX j ON o (a, b)");
    });
    assert.deepEqual(flaws, ["SQLite's integrity_check: non-unique entry in index j"]);
  });

  test("an index that does not agree, behind many rows that break rules", async () => {
    const { flaws } = await findingOf((database) => {
      database.exec("CREATE TABLE o (a, b, c); CREATE INDEX j ON o (b)");
      database.exec(
        "INSERT INTO o SELECT NULL, 1, 2 FROM json_each('[' || trim(replace(hex(zeroblob(150)), '00', '1,'), ',') || ']')",
      );
      database.exec("UPDATE o SET c = 1 WHERE rowid <= 120");
      changeSchema(database, "o", "CREATE TABLE o (a NOT NULL, b, c)");
      changeSchema(database, "j", "CREATE INDEX j ON o (c)");
    });
    assert.deepEqual(flaws, ["index 'j' does not have each row of table 'o' once"]);
  });

  for (const [what, name] of [
    ["the index that only the application can read", "i"],
    ["its table", "t"],
    ["another table", "o"],
  ] as const) {
    test(`a page that is overwritten: of ${what}`, async () => {
      await using volume = await Volume.create();
      const path = join(volume.live, "app.db");
      const database = new Database(path);
      database.exec(`${APPLICATION} CREATE TABLE o (a); INSERT INTO o VALUES (1)`);
      needApplication(database);
      database.close();
      const page = Number(query(path, `SELECT rootpage FROM sqlite_schema WHERE name = '${name}'`));
      const file = await open(path, "r+");
      await file.write(Buffer.alloc(4000, 0xa5), 0, 4000, (page - 1) * 4096);
      await file.close();
      const { finding } = await volume.snapshot();
      assert.equal(finding.outcome, "flawed");
    });
  }
});
