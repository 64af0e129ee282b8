import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { until } from "../../until.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const PENDING = /a restore in place of backup [0-9a-f]{8} is not ended/;

/** A restore that was killed when half of the new data was in place. */
async function begin(t: TestContext): Promise<Sandbox> {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  const database = new Database(join(sandbox.data, "app.db"));
  database.exec("CREATE TABLE t (x INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  database.close();
  await writeFile(join(sandbox.data, "file"), "then");
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await writeFile(join(sandbox.data, "file"), "now");
  const env = { LIFEBOAT_FAILPOINT: "in-place:moved-aside:kill" };
  const killed = await sandbox.start(["restore", "latest", "--in-place", "--yes"], env);
  assert.equal(killed.signal, "SIGKILL");
  return sandbox;
}

test("a restore to a folder works while one in place is not ended, says so, and leaves that alone", async (t) => {
  const sandbox = await begin(t);
  const before = await readdir(sandbox.data);
  const to = join(sandbox.folder, "to");
  const { exitCode, stdout } = await sandbox.lifeboat(["restore", "latest", "--to", to]);
  assert.equal(exitCode, 3, stdout);
  assert.match(stdout, PENDING);
  assert.equal(await readFile(join(to, "file"), "utf8"), "then");
  assert.deepEqual(await readdir(sandbox.data), before);
});

test("rows are not restored into data of which half is old and half is new; a diff with it says what it is", async (t) => {
  const sandbox = await begin(t);
  const rows = ["restore-rows", "latest", "--database", "app.db", "--table", "t", "--where", "1", "--yes"];
  const refused = await sandbox.lifeboat(rows);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stdout, PENDING);
  const ofServer = await sandbox.lifeboat(rows.map((word) => (word === "app.db" ? ".databases/db/app.pgdump" : word)));
  assert.equal(ofServer.exitCode, 1);
  assert.match(ofServer.stdout, PENDING);
  const compared = await sandbox.lifeboat(["diff", "latest"]);
  assert.match(compared.stderr, PENDING);
});

test("a daemon takes up what another process left behind, without waiting for its next run", async (t) => {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await writeFile(join(sandbox.data, "file"), "then");
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await writeFile(join(sandbox.data, "file"), "now");
  const daemon = sandbox.start([], { BACKUP_CRON_EXPRESSION: "0 0 1 1 *" });
  t.after(() => daemon.kill("SIGKILL"));
  await until("the daemon is up", async () => (await readdir(sandbox.state)).includes("daemon.json"));
  const env = { LIFEBOAT_FAILPOINT: "in-place:moved-aside:kill" };
  const killed = await sandbox.start(["restore", "latest", "--in-place", "--yes"], env);
  assert.equal(killed.signal, "SIGKILL");
  assert.notDeepEqual(await readdir(sandbox.data), ["file"], "half of it is done");
  await until("it is undone", async () => (await readdir(sandbox.state)).every((name) => !name.includes("in-place")));
  assert.deepEqual(await readdir(sandbox.data), ["file"]);
  assert.equal(await readFile(join(sandbox.data, "file"), "utf8"), "now");
  daemon.kill("SIGTERM");
  assert.equal((await daemon).exitCode, 0);
});
