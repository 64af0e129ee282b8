import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { until } from "../../until.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const RESTORE = ["restore", "latest", "--in-place", "--yes"];

/** A backup with a database that takes minutes to check: SQLite works out the constraint for every row. */
async function begin(t: TestContext): Promise<Sandbox> {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  const path = join(sandbox.data, "slow.db");
  const database = new Database(path);
  database.exec(`
    PRAGMA ignore_check_constraints = 1;
    CREATE TABLE t (x, CHECK (length(hex(zeroblob(x))) > 0));
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT 40000000 FROM n;
  `);
  database.close();
  const { exitCode, stderr } = await sandbox.lifeboat(["backup"], { BACKUP_SQLITE: "off" });
  assert.equal(exitCode, 0, stderr);
  await writeFile(path, "now");
  return sandbox;
}

async function asBefore({ data, state }: Sandbox): Promise<void> {
  assert.deepEqual(await readdir(data), ["slow.db"]);
  assert.equal(await readFile(join(data, "slow.db"), "utf8"), "now");
  assert.deepEqual(
    (await readdir(state)).filter((name) => name.includes("in-place")),
    [],
  );
}

/** Command lines of the children of a process. */
async function childrenOf(pid: number | undefined): Promise<readonly string[]> {
  const ids = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ").filter(Boolean);
  // One that is gone by now has none.
  return await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
}

test("a restore that is told to end while it checks a huge database ends at once, with everything as it was", async (t) => {
  const sandbox = await begin(t);
  const restoring = sandbox.start(RESTORE);
  await until("the check is under way", async () => {
    return (await childrenOf(restoring.pid)).some((line) => line.includes("sqlite/process"));
  });
  const began = performance.now();
  restoring.kill("SIGTERM");
  assert.equal((await restoring).exitCode, 143);
  assert(performance.now() - began < 10_000);
  await asBefore(sandbox);
});

test("a database that cannot be checked in the time of BACKUP_SQLITE_TIMEOUT ends the restore, with everything as it was", async (t) => {
  const sandbox = await begin(t);
  const { exitCode, stdout } = await sandbox.lifeboat(RESTORE, { BACKUP_SQLITE_TIMEOUT: "1s" });
  assert.equal(exitCode, 1);
  assert.match(stdout, /database 'slow\.db' could not be checked: not within 1 s.*\n.*raise BACKUP_SQLITE_TIMEOUT/);
  await asBefore(sandbox);
});
