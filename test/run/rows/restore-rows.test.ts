import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import Database from "better-sqlite3";
import { execa } from "execa";
import { asked } from "../../cli/asked.ts";
import { until } from "../../until.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

interface Report {
  readonly outcome: string;
  readonly written: boolean;
  readonly undoFile?: string;
  readonly tables: readonly { readonly table: string; readonly added: number; readonly different: number }[];
}

let sandbox: Sandbox;
const live = () => join(sandbox.data, "atheme", "atheme.db");
const set = { RESTORE_ROWS_ACCOUNT: "nick_table:nick,account_table:name" };
const toast = ["restore-rows", "latest", "--database", "atheme/atheme.db", "--set", "account", "--key", "toast"];

before(async () => {
  sandbox = await makeSandbox();
  await mkdir(join(sandbox.data, "atheme"));
  await writeFile(join(sandbox.data, "atheme", "services.db"), "GRVER 1\n");
  const database = new Database(live());
  database.exec(
    "PRAGMA journal_mode = WAL; CREATE TABLE account_table (name TEXT PRIMARY KEY, mail TEXT, hash TEXT);" +
      "CREATE TABLE nick_table (nick TEXT PRIMARY KEY, account TEXT REFERENCES account_table);" +
      "INSERT INTO account_table VALUES ('toast', 'toast@example.com', 'h1'), ('jam', 'jam@example.com', 'h2');" +
      "INSERT INTO nick_table VALUES ('toast', 'toast'), ('jam', 'jam')",
  );
  database.close();
  const { exitCode, stderr } = await sandbox.lifeboat(["backup"]);
  assert.equal(exitCode, 0, stderr);
});
after(() => sandbox[Symbol.asyncDispose]());

/** Each test begins with toast's account lost and jam's changed. */
beforeEach(() => {
  const database = new Database(live());
  database.exec(
    "DELETE FROM nick_table; DELETE FROM account_table; INSERT INTO account_table VALUES ('jam', 'new@example.com', 'h2');" +
      "INSERT INTO nick_table VALUES ('jam', 'jam')",
  );
  database.close();
});

function mails(path = live()): unknown {
  const database = new Database(path, { readonly: true });
  const found = database.prepare("SELECT mail FROM account_table ORDER BY name").pluck().all();
  database.close();
  return found;
}

test("an account comes back by its set and name, all its tables, others left alone", async () => {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat([...toast, "--yes"], set);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /nick_table: 1 added, 0 different, 0 the same\n {2}\+ nick toast\n {6}account: toast/);
  assert.match(stdout, /account_table: 1 added/);
  assert.deepEqual(mails(), ["new@example.com", "toast@example.com"]);
  assert.deepEqual(await readdir(join(sandbox.state, "spool")), []);
});

test("'no' to the question writes nothing and is no failure, and Ctrl-C ends it with 130", async () => {
  const before = await readFile(live());
  const env = { ...sandbox.env, ...set };
  const no = await asked(toast, env, "Write these rows?", (terminal) => terminal.write("n\r"));
  assert.equal(no.exitCode, 0, no.text);
  assert.match(no.text, /^nothing was written$/m);
  assert.match(no.text, /nothing was written, as the answer was no/);
  const interrupted = await asked(toast, env, "Write these rows?", (terminal) => terminal.write("\x03"));
  assert.equal(interrupted.exitCode, 130, interrupted.text);
  assert.ok(before.equals(await readFile(live())));
});

test("a dry run shows the rows on both sides and leaves every byte as it was", async () => {
  const before = await readFile(live());
  const args = ["restore-rows", "latest", "--database", "atheme/atheme.db", "--table", "account_table", "--where", "1"];
  const { exitCode, stdout, stderr } = await sandbox.lifeboat([...args, "--dry-run"]);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /account_table: 1 added, 1 different, 0 the same/);
  assert.match(stdout, /M name jam\n {6}mail: new@example\.com → jam@example\.com/);
  assert.match(stdout, /nothing was written/);
  assert.deepEqual(await readFile(live()), before);
});

test("what was overwritten is in a file of the state folder, and can be brought back by it", async () => {
  const args = ["--table", "account_table", "--where", "name = 'jam'", "--yes", "--json"];
  const { stdout, stderr } = await sandbox.lifeboat([...toast.slice(0, 4), ...args]);
  const { written, undoFile = "", tables } = JSON.parse(stdout) as Report;
  assert(written, stderr);
  assert.equal(tables[0]?.different, 1);
  assert.deepEqual(mails(), ["jam@example.com"]);
  assert(undoFile.startsWith(join(sandbox.state, "rows")));
  assert.equal((await stat(undoFile)).mode & 0o777, 0o600);
  await execa("sqlite3", ["-bail", live()], { input: await readFile(undoFile, "utf8") });
  assert.deepEqual(mails(), ["new@example.com"]);
});

test("rows that are as in the backup already need no write and no question", async () => {
  await sandbox.lifeboat([...toast, "--yes"], set);
  const { exitCode, stdout } = await sandbox.lifeboat([...toast, "--yes", "--json"], set);
  const { written, undoFile } = JSON.parse(stdout) as Report;
  assert.deepEqual({ exitCode, written, undoFile }, { exitCode: 0, written: false, undoFile: undefined });
});

test("--into writes to another database", async () => {
  const other = join(sandbox.folder, "other.db");
  const database = new Database(live());
  await database.backup(other);
  database.close();
  const { exitCode, stderr } = await sandbox.lifeboat([...toast, "--yes", "--into", other], set);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(mails(other), ["new@example.com", "toast@example.com"]);
  assert.deepEqual(mails(), ["new@example.com"]);
});

test("a read-only mount is named, with the command that helps, and a dry run works on it all the same", async () => {
  const view = join(sandbox.folder, "view");
  await mkdir(view);
  await execa("mount", ["--bind", sandbox.data, view]);
  await execa("mount", ["-o", "remount,bind,ro", view]);
  try {
    const env = { ...set, BACKUP_SOURCES: view };
    const { exitCode, stderr } = await sandbox.lifeboat([...toast, "--yes"], env);
    assert.equal(exitCode, 1);
    assert.match(stderr, new RegExp(`'${view}' is mounted read-only`));
    assert.match(
      stderr,
      /docker compose run --rm .*--volume VOLUME:\/writable .*--into \/writable\/atheme\/atheme\.db/,
    );
    const dry = await sandbox.lifeboat([...toast, "--dry-run"], env);
    assert.equal(dry.exitCode, 0, dry.stderr);
    assert.match(dry.stdout, /account_table: 1 added/);
  } finally {
    await execa("umount", [view]);
  }
  assert.deepEqual(mails(), ["new@example.com"]);
});

test("killed before the write, it leaves the database as it was, and the next run writes", async () => {
  const before = await readFile(live());
  const killed = await sandbox.start([...toast, "--yes"], {
    ...set,
    LIFEBOAT_FAILPOINT: "restore-rows:rehearsed:kill",
  });
  assert.equal(killed.signal, "SIGKILL");
  assert.deepEqual(await readFile(live()), before);
  const { exitCode, stderr } = await sandbox.lifeboat([...toast, "--yes"], set);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(await readdir(join(sandbox.state, "spool")), []);
});

test("SIGTERM while it waits for a lock ends it in order, and nothing was written", async () => {
  const writer = new Database(live());
  writer.exec("BEGIN IMMEDIATE");
  const known = new Set(await undoFiles());
  const run = sandbox.start([...toast, "--yes"], set);
  const spooled = () => readdir(join(sandbox.state, "spool"), { recursive: true });
  await until("the rows to write are chosen", async () => (await spooled()).some((name) => /write\/chosen/.test(name)));
  run.kill("SIGTERM");
  const { exitCode } = await run;
  writer.exec("ROLLBACK");
  writer.close();
  assert.equal(exitCode, 143);
  assert.deepEqual(mails(), ["new@example.com"]);
  assert.deepEqual(
    (await undoFiles()).filter((name) => !known.has(name)),
    [],
  );
  assert.deepEqual(await readdir(join(sandbox.state, "spool")), []);
});

async function undoFiles(): Promise<string[]> {
  return await readdir(join(sandbox.state, "rows"));
}

test("what cannot be done is known from the rehearsal, and nothing was touched", async () => {
  const before = await readFile(live());
  const args = [...toast.slice(0, 4), "--table", "nick_table", "--where", "nick = 'toast'", "--yes"];
  const { exitCode, stderr } = await sandbox.lifeboat(args);
  assert.equal(exitCode, 1);
  assert.match(stderr, /would refer to a row of 'account_table' that is not there/);
  assert.deepEqual(await readFile(live()), before);
});

test("command lines that make no sense end with exit code 2, and say what would", async () => {
  const at = ["restore-rows", "latest", "--database"];
  const cases: readonly [args: readonly string[], message: RegExp][] = [
    [[...at, "atheme/atheme.db", "--yes"], /nothing says which rows/],
    [[...at, "atheme/atheme.db", "--table", "t", "--yes"], /1 --table and 0 --where/],
    [[...at, "atheme/atheme.db", "--set", "account", "--yes"], /--set and --key belong together/],
    [[...at, "atheme/atheme.db", "--set", "nick", "--key", "x", "--yes"], /no set 'nick'[\s\S]*There are: ACCOUNT/],
    [toast, /there is no terminal to ask on/],
    [[...at, "../elsewhere.db", "--set", "account", "--key", "x", "--yes"], /leads out of BACKUP_SOURCES/],
    [[...at, "atheme/services.db", "--set", "account", "--key", "x", "--yes"], /is not a SQLite database/],
  ];
  for (const [args, message] of cases) {
    const { exitCode, stderr } = await sandbox.lifeboat(args, set);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, message);
  }
});

test("a database that is not there, and a row that is not in the backup, end with exit code 10", async () => {
  const nobody = [...toast.slice(0, -1), "nobody", "--yes"];
  assert.equal((await sandbox.lifeboat(nobody, set)).exitCode, 10);
  const missing = await sandbox.lifeboat([...toast, "--yes"].with(3, "atheme/none.db"), set);
  assert.equal(missing.exitCode, 10);
  const fresh = join(sandbox.data, "fresh.db");
  new Database(fresh).exec("CREATE TABLE t (id)").close();
  const { exitCode, stderr } = await sandbox.lifeboat([...toast, "--yes"].with(3, "fresh.db"), set);
  await rm(fresh);
  assert.equal(exitCode, 10);
  assert.match(stderr, /no 'fresh\.db' in the backup/);
});
