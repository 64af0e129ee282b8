import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Major } from "../../../servers/postgres.ts";
import { startSidecar, type Sidecar } from "../../../sources/postgres/sidecar.ts";
import { reach, type Reach, type Report, type Way } from "./reach.ts";
import { ROWS, TABLES } from "./tables.ts";

const majors: readonly Major[] = [15, 18];
const ways: readonly Way[] = ["by label", "by URL"];

let sidecar: Sidecar;
const reaches: Reach[] = [];
const reached = (major: Major, way: Way) => reaches.find((one) => one.major === major && one.way === way) as Reach;
let whole = "";

before(async () => {
  sidecar = await startSidecar();
  const labels = { "lifeboat.postgres": "true" };
  for (const major of majors) {
    const server = await sidecar.server(major, `pg${major}`, { labels });
    reaches.push(...ways.map((way) => reach(sidecar, server, major, way)));
  }
  for (const { server, way } of reaches) {
    if (way !== "by label") continue;
    await server.ready();
    await server.sql(TABLES + ROWS);
  }
  for (const one of reaches) await one.backup();
  whole = await reached(15, "by label").everything();
});
after(() => sidecar[Symbol.asyncDispose]());

async function beginAgain({ server, everything }: Reach): Promise<void> {
  await server.sql(
    `TRUNCATE auth.accounts, auth.nicks, "Odd ""Table""", things, parts, watched, seen, users, letters RESTART IDENTITY; ${ROWS}`,
  );
  assert.equal(await everything(), whole);
}

for (const major of majors) {
  for (const way of ways) {
    test(`rows of all types of PostgreSQL ${major}, ${way}, come back to the byte, and go again by the undo file`, async () => {
      const { server, run, restored, everything, scratchDatabases } = reached(major, way);
      await beginAgain(reached(major, way));
      await server.sql(`DELETE FROM auth.nicks WHERE account = 'Toast'; DELETE FROM auth.accounts WHERE name = 'Toast';
        UPDATE auth.accounts SET tags = ARRAY[E'\\\\.', 'it''s', E'\\n'], hash = '\\x0a', balance = 1.5 WHERE name = 'Jam';
        DELETE FROM "Odd ""Table""" WHERE "K 1" = 1; UPDATE "Odd ""Table""" SET "Wert ä" = E'\\\\.\\nü'`);
      const before = await everything();

      const odd = ["--table", '"Odd ""Table"""', "--where", `"Wert ä" <> '' OR "k'2" = '\\.'`];
      const dry = await run([...odd, "--dry-run"]);
      assert.match(dry.stdout, /Odd "Table": 1 added, 1 different, 0 the same/, dry.stderr);
      assert.match(dry.stdout, /\+ K 1 1, k'2 a'b\n {6}Wert ä: Zeile\\n\\t\\\./);
      assert.match(dry.stdout, /M K 1 2, k'2 \\\.\n {6}Wert ä: \\\.\\nü → é\nnothing was written/);
      assert.equal(await everything(), before);

      const all = [
        "--table",
        "auth.nicks",
        "--where",
        "true",
        "--table",
        "auth.accounts",
        "--where",
        "mood < 'ok' OR true",
      ];
      const { undoFile = "", tables } = await restored(...all, ...odd);
      assert.deepEqual(
        tables.map(({ added, different, same, altered }) => [added, different, same, altered]),
        [
          [2, 0, 1, 0],
          [1, 1, 1, 0],
          [1, 1, 0, 0],
        ],
      );
      assert.equal(await everything(), whole);
      assert.equal(await scratchDatabases(), "");

      const path = undoFile.replace("/x/", `${sidecar.folder}/`);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      await server.sql(await readFile(path, "utf8"));
      assert.equal(await everything(), before);
      assert.deepEqual(await readdir(join(sidecar.folder, "state", "spool")), []);
      assert.equal(await server.crashes(), 0);
    });
  }
}

const two = [
  [15, "by URL"],
  [18, "by label"],
] as const;

for (const [major, way] of two) {
  const there = () => reached(major, way);

  test(`an account of PostgreSQL ${major}, ${way}, comes back by its set, and once it is there nothing is written`, async () => {
    await beginAgain(there());
    await there().server.sql("DELETE FROM auth.nicks; DELETE FROM auth.accounts WHERE name <> 'Tea'");
    await there().server.sql(
      "INSERT INTO auth.accounts (name) VALUES ('new'); INSERT INTO auth.nicks VALUES ('new', 'new')",
    );
    const { tables } = await there().restored("--set", "account", "--key", "TOAST");
    assert.deepEqual(
      tables.map(({ table, added, onlyLive }) => [table, added, onlyLive]),
      [
        ["auth.nicks", 2, 0],
        ["auth.accounts", 1, 0],
      ],
    );
    assert.equal(await there().server.sql("SELECT nick FROM auth.nicks ORDER BY 1"), "new\ntoast\ntoasty");
    assert.equal((await there().restored("--set", "account", "--key", "toast")).written, false);
  });
}

test("columns that came, went or changed their type since are told", async () => {
  await beginAgain(reached(15, "by label"));
  const { server, run, refused } = reached(15, "by label");
  await server.sql(`ALTER TABLE things ADD fresh text DEFAULT 'f', DROP old, ALTER name TYPE varchar(8) USING left(name, 8);
    DELETE FROM things`);
  try {
    const ended = await run(["--table", "things", "--where", "id = 3", "--yes", "--json"]);
    const { tables } = JSON.parse(ended.stdout) as Report;
    assert.deepEqual([tables[0]?.gone, tables[0]?.fresh, tables[0]?.altered], [["old"], ["fresh"], 0], ended.stderr);
    assert.equal(await server.sql("SELECT * FROM things"), "3|thing 3|f");
    const long = ["--table", "things", "--where", "things.id = 1 OR id = 3 OR name = repeat('long', 3)"];
    await refused(1, /does not fit into the live table: value too long/, long);
  } finally {
    await server.sql("ALTER TABLE things DROP fresh, ALTER name TYPE text, ADD old int DEFAULT 1");
  }
});

test("rows of a partitioned table come back into their partitions", async () => {
  const { server, restored } = reached(15, "by label");
  await beginAgain(reached(15, "by label"));
  await server.sql("DELETE FROM parts");
  const { tables } = await restored("--table", "parts", "--where", "value > 6");
  assert.equal(tables[0]?.added, 1);
  assert.equal(await server.sql("SELECT * FROM ONLY parts_2027"), "2027-05-05|7");
});

test("rows can be chosen by what is in other tables, and by functions that look there", async () => {
  const { server, restored } = reached(18, "by URL");
  await beginAgain(reached(18, "by URL"));
  await server.sql("DELETE FROM letters");
  const where = `"to" IN (SELECT email FROM public.users WHERE name = 'a') AND is_user("to")`;
  assert.equal((await restored("--table", "letters", "--where", where)).tables[0]?.added, 1);
});

test("numbers beyond those of a sequence move it on, but not before they are written", async () => {
  const { server, run, restored } = reached(15, "by URL");
  await beginAgain(reached(15, "by URL"));
  await server.sql("DELETE FROM things; ALTER SEQUENCE things_id_seq RESTART");
  const rows = ["--table", "things", "--where", "id > 10"];
  const dry = await run([...rows, "--dry-run"]);
  assert.match(dry.stdout, /sequence things_id_seq goes on after 20/);
  assert.equal(await server.sql("SELECT last_value, is_called FROM things_id_seq"), "1|f");
  const { tables } = await restored(...rows);
  assert.deepEqual(tables[0]?.advanced, [{ sequence: "things_id_seq", to: "20" }]);
  assert.equal(await server.sql("INSERT INTO things (name) VALUES ('new') RETURNING id"), "21");
  await server.sql("DELETE FROM things WHERE id = 11");
  assert.equal((await restored(...rows)).tables[0]?.advanced, undefined);
});

test("a table with triggers is refused, or they fire if that is wanted", async () => {
  const { server, refused, restored } = reached(18, "by label");
  await beginAgain(reached(18, "by label"));
  await server.sql("DELETE FROM watched; DELETE FROM seen");
  const rows = ["--table", "watched", "--where", "true"];
  await refused(2, /table 'watched' has triggers.*'watch'[\s\S]*--fire-triggers/, rows);
  await restored(...rows, "--fire-triggers");
  assert.equal(await server.sql("SELECT * FROM watched; SELECT * FROM seen"), "1|one\none");
});

test("rows that would refer to nothing are refused, with the table that is needed as well", async () => {
  const { server, refused } = reached(15, "by label");
  await beginAgain(reached(15, "by label"));
  await server.sql("DELETE FROM auth.nicks; DELETE FROM auth.accounts WHERE name = 'Toast'");
  const why = /a row of 'auth\.nicks' would refer to a row of 'auth\.accounts' that is not there/;
  await refused(1, why, ["--table", "auth.nicks", "--where", "nick = 'toast'"]);
});

test("rows that would change others with them, or need what another row has, are refused", async () => {
  const { server, refused } = reached(18, "by URL");
  await beginAgain(reached(18, "by URL"));
  await server.sql("UPDATE users SET email = 'new@x' WHERE name = 'a'");
  await server.sql("DELETE FROM users WHERE name = 'b'; INSERT INTO users VALUES ('c', 'b@x')");
  const user = (name: string) => ["--table", "users", "--where", `name = '${name}'`];
  await refused(1, /rows of 'letters' refer to what would change in 'users'/, user("a"));
  await refused(1, /does not fit beside the live ones: .*users_email_key/, user("b"));
});

test("rows that cannot be chosen or told apart are refused", async () => {
  const { refused } = reached(18, "by URL");
  await beginAgain(reached(18, "by URL"));
  const where = (table: string, sql: string) => ["--table", table, "--where", sql];
  await refused(10, /no table 'nothing' in the live database[\s\S]*auth\.accounts/, where("nothing", "true"));
  await refused(2, /'dear' is a view/, where("dear", "true"));
  await refused(2, /'keyless' has neither a primary key nor a unique index/, where("keyless", "true"));
  await refused(2, /no condition for the rows of 'things': column "nope" does not exist/, where("things", "nope = 1"));
  await refused(2, /it has a semicolon/, where("things", "true; DROP TABLE things; SELECT true"));
  await refused(2, /no condition .*: argument of WHERE must be type boolean/, where("things", "1"));
  await refused(10, /the backup has no such row in 'things'/, where("things", "id = 99"));
  await refused(2, /'things' is named twice/, [...where("things", "true"), ...where("public.things", "true")]);
  const set = (columns: string) => ({ RESTORE_ROWS_ONE: columns });
  await refused(2, /no column 'nope'[\s\S]*id, name, old/, ["--set", "one", "--key", "x"], set("things:nope"));
  await refused(2, /'x' is no value of column 'id'/, ["--set", "one", "--key", "x"], set("things:id"));
});
