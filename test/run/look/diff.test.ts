import assert from "node:assert/strict";
import { chmod, chown, link, lutimes, mkdir, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

interface Line {
  readonly path?: string;
  readonly pathBase64?: string;
  readonly change: "added" | "removed" | "changed";
  readonly type: string;
  readonly how: readonly { readonly what: string; readonly before?: string; readonly after?: string }[];
  readonly tables?: readonly { readonly table: string; readonly before?: number; readonly after?: number }[];
}

let sandbox: Sandbox;
let first: string;
let second: string;
const file = (name: string) => join(sandbox.data, name);
const EARLY = 1_700_000_000;

before(async () => {
  sandbox = await makeSandbox();
  await mkdir(file("app/keys"), { recursive: true });
  for (const name of ["same", "content", "mode", "owner", "time", "gone", "becomes-folder", "app/keys/a", "quiet"]) {
    await writeFile(file(name), `${name}\n`, { mode: 0o600 });
    await utimes(file(name), EARLY, EARLY);
  }
  await link(file("same"), file("same-again"));
  await symlink("same", file("link"));
  await writeFile(Buffer.concat([Buffer.from(`${sandbox.data}/odd`), Buffer.from([0xff])]), "odd\n");
  const database = new Database(file("app/app.db"));
  database.exec(
    "CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE old (id); PRAGMA journal_mode=WAL",
  );
  database.exec("INSERT INTO clients (name) VALUES ('one'), ('two'), ('three')");
  database.close();
  const quiet = new Database(file("app/quiet.db"));
  quiet.exec("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  quiet.close();
  first = await backUp();
});
after(() => sandbox[Symbol.asyncDispose]());

async function backUp(): Promise<string> {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["backup", "--json"]);
  assert.equal(exitCode, 0, stderr);
  return (JSON.parse(stdout) as { backupId: string }).backupId;
}

async function diff(args: readonly string[], expected = 0): Promise<Map<string, Line>> {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["diff", ...args, "--json"]);
  assert.equal(exitCode, expected, stderr);
  const lines = stdout === "" ? [] : stdout.split("\n").map((line) => JSON.parse(line) as Line);
  return new Map(lines.map((line) => [line.path ?? line.pathBase64 ?? "", line]));
}

test("nothing changed: diff against the live data is empty, databases included", async () => {
  assert.deepEqual(await diff([first]), new Map());
  const { stdout } = await sandbox.lifeboat(["diff", "latest"]);
  assert.equal(stdout, "0 added, 0 removed, 0 changed");
  assert.deepEqual(await readdir(join(sandbox.state, "reading")), []);
});

test("content that changed without size or time is only found by --content", async () => {
  await writeFile(file("quiet"), "QUIET\n");
  await utimes(file("quiet"), EARLY, EARLY);
  assert.deepEqual(await diff([first]), new Map());
  assert.deepEqual((await diff([first, "--content"])).get("quiet")?.how, [{ what: "content" }]);
  const refused = await sandbox.lifeboat(["diff", first, first, "--content"]);
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /'--content' does nothing between two backups/);
});

const expected: readonly [path: string, change: string, how: readonly string[]][] = [
  ["added", "added", []],
  ["app/app.db", "changed", ["content", "size"]],
  ["becomes-folder", "changed", ["type"]],
  ["content", "changed", ["content", "time"]],
  ["gone", "removed", []],
  ["link", "changed", ["link"]],
  ["mode", "changed", ["mode"]],
  ["owner", "changed", ["owner"]],
  ["quiet", "changed", ["content"]],
  ["time", "changed", ["time"]],
];

test("a diff against the live data says what was added, removed and changed, and how", async () => {
  await writeFile(file("content"), "CONTENT\n");
  await chmod(file("mode"), 0o644);
  await chown(file("owner"), 1234, 1234);
  await utimes(file("time"), EARLY + 1.5, EARLY + 1.5);
  await rm(file("gone"));
  await writeFile(file("added"), "added\n");
  await rm(file("becomes-folder"));
  await mkdir(file("becomes-folder"));
  await rm(file("link"));
  await symlink("mode", file("link"));
  const { mtime } = await stat(file("app/app.db"));
  const database = new Database(file("app/app.db"));
  database.exec("INSERT INTO clients (name) VALUES ('four'); DROP TABLE old; CREATE TABLE fresh (id)");
  const filler = database.prepare("INSERT INTO fresh VALUES (?)");
  for (let at = 0; at < 2000; at++) filler.run("x".repeat(20));
  database.close();
  await utimes(file("app/app.db"), mtime, mtime);

  const changes = await diff([first, "--content"]);
  const found = [...changes].map(([path, { change, how }]) => [path, change, how.map(({ what }) => what)]);
  assert.deepEqual(
    found.filter(([path]) => path !== "link").sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    expected.filter(([path]) => path !== "link"),
  );
  const [linkHow] = changes.get("link")?.how ?? [];
  assert.deepEqual(linkHow, { what: "link", before: "same", after: "mode" });
  assert.deepEqual(changes.get("mode")?.how, [{ what: "mode", before: "0600", after: "0644" }]);
  assert.deepEqual(changes.get("owner")?.how[0]?.after, "1234:1234");
  assert.deepEqual(changes.get("time")?.how[0]?.after, "2023-11-14T22:13:21.500000000Z");
  assert.deepEqual(changes.get("app/app.db")?.tables, [
    { table: "clients", before: 3, after: 4 },
    { table: "fresh", after: 2000 },
    { table: "old", before: 0 },
  ]);
});

test("a diff between two backups says the same as one against the live data it was made of", async () => {
  const live = await diff([first, "--content"]);
  second = await backUp();
  assert.deepEqual(await diff([first, second]), live);
  const back = await diff([second, first]);
  assert.equal(back.get("added")?.change, "removed");
  assert.deepEqual(back.get("app/app.db")?.tables?.[0], { table: "clients", before: 4, after: 3 });
});

test("for people each change is a line, and a database says which tables have other numbers of rows", async () => {
  const { stdout } = await sandbox.lifeboat(["diff", first, second]);
  assert.match(stdout, /^\+ added$/m);
  assert.match(stdout, /^- gone$/m);
  assert.match(stdout, /^M mode {2}\(mode 0600 → 0644\)$/m);
  assert.match(
    stdout,
    /^M app\/app\.db {2}\(database: clients 3 → 4 rows, table fresh added, table old removed, size /m,
  );
  assert.match(stdout, /^1 added, 1 removed, \d+ changed$/m);
});

test("an update of rows, as many as before, is a change of the database", async () => {
  const quiet = new Database(file("app/quiet.db"));
  quiet.exec("UPDATE t SET id = 2");
  quiet.close();
  const { stdout } = await sandbox.lifeboat(["diff", second]);
  assert.match(stdout, /^M app\/quiet\.db {2}\(database: other content in as many rows\)$/m);
});

test("a live file that is there but left out is told, not called removed, and the exit code is 3", async () => {
  const env = { BACKUP_EXCLUDE: "same*" };
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["diff", second, "--json"], env);
  assert.equal(exitCode, 3);
  assert(!stdout.includes('"same"'));
  assert.match(stderr, /'same' is there, but was left out of the comparison/);
});

test("diff with an id that does not exist ends with exit code 10", async () => {
  assert.equal((await sandbox.lifeboat(["diff", first, "ffffffff"])).exitCode, 10);
});

test("a symlink's time that changed is a change", async () => {
  await lutimes(file("link"), EARLY, EARLY);
  assert.deepEqual(
    (await diff([second])).get("link")?.how.map(({ what }) => what),
    ["time"],
  );
});

test("where all is lost, everything is shown as removed", async () => {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["diff", first, "--json"], {
    BACKUP_SOURCES: await emptied(),
  });
  assert.equal(exitCode, 0, stderr);
  const lines = stdout.split("\n").map((line) => JSON.parse(line) as Line);
  assert.deepEqual([...new Set(lines.map(({ change }) => change))], ["removed"]);
  assert(
    ["app/app.db", "content", "link"].every((path) => lines.some((line) => line.path === path)),
    stdout,
  );
});

async function emptied(): Promise<string> {
  const folder = join(sandbox.folder, "emptied");
  await mkdir(folder);
  return folder;
}
