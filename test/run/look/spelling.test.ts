import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { said } from "../../cli/said.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;

/** Names that a terminal, a glob or the archive's own folder would take for something else. */
before(async () => {
  sandbox = await makeSandbox();
  for (const folder of ["app", "backup"]) await mkdir(join(sandbox.data, folder));
  await writeFile(join(sandbox.data, "app", "key.pem"), "key\n");
  await writeFile(join(sandbox.data, "app", "[x] a\\b\nc"), "odd\n");
  await writeFile(Buffer.concat([Buffer.from(`${sandbox.data}/app/`), Buffer.from([0xff, 0x2a])]), "bytes\n");
  await writeFile(join(sandbox.data, "backup", "key.pem"), "another key\n");
  const database = new Database(join(sandbox.data, "app", "app.db"));
  database.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'a')");
  database.close();
  assert.equal((await run(["backup"])).exitCode, 0);
});
after(() => sandbox[Symbol.asyncDispose]());

async function lines(...args: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await run(args);
  assert.equal(exitCode, 0, stderr);
  return stdout.trimEnd().split("\n");
}

const run = (args: readonly string[]) => said(args, sandbox.env);

/** What `ls` shows behind the time. */
async function listed(...args: string[]): Promise<string[]> {
  return (await lines("ls", "latest", ...args)).map((line) => line.replace(/^.*? \d\d:\d\d:\d\d \S+ /, ""));
}

const files = ["app/[x] a\\\\b\\x0ac", "app/\\xff*", "app/app.db", "app/key.pem", "./backup/key.pem"];

test("ls, find and diff show one spelling of each path", async () => {
  const shown = await listed();
  assert.deepEqual(shown.toSorted(), [".", "./backup", "app", ...files].toSorted());
  for (const file of files) {
    const found = await lines("find", file);
    assert.ok(
      found.some((line) => line.endsWith(`  ${file}`)),
      `${file} in ${found.join("\n")}`,
    );
  }
  await writeFile(join(sandbox.data, "backup", "new"), "new\n");
  assert.ok((await lines("diff", "latest")).includes("+ ./backup/new"));
  await rm(join(sandbox.data, "backup", "new"));
});

test("what ls shows, ls and restore --only take", async () => {
  for (const [at, file] of files.entries()) {
    assert.deepEqual(await listed(file), [file]);
    const to = join(await mkdtemp(join(sandbox.folder, "restored-")), "to");
    const { exitCode, stderr } = await run(["restore", "latest", "--to", to, "--only", file]);
    assert.equal(exitCode, 0, stderr);
    const [folder = ""] = await readdir(to);
    assert.equal((await readdir(join(to, folder))).length, 1, file);
    if (at === 4) assert.equal(await readFile(join(to, "backup", "key.pem"), "utf8"), "another key\n");
  }
});

test("a path is taken as it is in the archive, from the root of the sidecar, and with slashes to spare", async () => {
  const same = ["app/key.pem", "backup/app/key.pem", "./app/key.pem", "/app//key.pem/", `${sandbox.data}/app/key.pem`];
  for (const path of same) {
    assert.deepEqual(await listed(path), ["app/key.pem"], path);
    const found = await lines("find", path);
    assert.deepEqual(found.filter((line) => line.endsWith("key.pem")).length, 1, path);
  }
  const to = join(sandbox.folder, "to");
  assert.equal((await run(["restore", "latest", "--to", to, "--only", "backup/app/key.pem"])).exitCode, 0);
  assert.deepEqual(await readdir(join(to, "app")), ["key.pem"]);
  assert.deepEqual(await listed("backup/backup/key.pem"), ["./backup/key.pem"]);
  assert.equal((await lines("find", "backup/app/*.pem")).length, 2);
});

test("restore-rows takes a database in each of these spellings", async () => {
  for (const path of ["app/app.db", "backup/app/app.db", "./app/app.db", `${sandbox.data}/app/app.db`]) {
    const rows = ["--table", "users", "--where", "1", "--dry-run"];
    const { exitCode, stdout, stderr } = await run(["restore-rows", "latest", "--database", path, ...rows]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /users: 0 added, 0 different, 1 the same/);
  }
});

test("a path that is not there, or leads out, is an error that says how paths are spelt", async () => {
  const wrong = [
    { args: ["ls", "latest", "app/no"], exitCode: 10 },
    { args: ["ls", "latest", "../etc"], exitCode: 2 },
    { args: ["restore", "latest", "--to", join(sandbox.folder, "no"), "--only", "app/../../etc"], exitCode: 2 },
    { args: ["restore", "latest", "--to", join(sandbox.folder, "no"), "--only", "backup"], exitCode: 2 },
  ];
  for (const { args, exitCode } of wrong) {
    const ended = await run(args);
    assert.equal(ended.exitCode, exitCode, ended.stderr);
    assert.match(ended.stderr, /'\.\/backup'|Leave --only out/, args.join(" "));
  }
});
