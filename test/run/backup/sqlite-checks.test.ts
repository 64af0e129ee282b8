import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { makeSandbox } from "../sandbox.ts";

test("a database whose check takes too long is kept and told, and comes back", async (t) => {
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
  const impatient = { BACKUP_SQLITE_TIMEOUT: "1s" };
  const backup = await sandbox.lifeboat(["backup"], impatient);
  assert.equal(backup.exitCode, 3, backup.stderr);
  assert.match(
    backup.stdout,
    /'slow\.db': nobody knows whether all of it is whole.*not within 1 s.*BACKUP_SQLITE_TIMEOUT/,
  );
  assert.match((await sandbox.lifeboat(["list"])).stdout, / flawed /);
  await rm(path);
  const restore = await sandbox.lifeboat(["restore", "latest", "--in-place", "--yes"], impatient);
  assert.equal(restore.exitCode, 3, restore.stdout);
  assert.match(restore.stdout, /database 'slow\.db' could not be checked: not within 1 s/);
  const back = new Database(path, { readonly: true });
  assert.equal(back.prepare("SELECT count(*) FROM t").pluck().get(), 5000);
  back.close();
});

test("what cannot be checked without the application is told, and holds up neither a backup nor a restore", async (t) => {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  const database = new Database(join(sandbox.data, "app.db"));
  database.exec("CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a); INSERT INTO t VALUES ('x')");
  database.unsafeMode(true);
  database.exec(
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (a COLLATE icu)' WHERE name = 'i'",
  );
  database.close();
  const note = /note: 'app\.db': not checked without its application: index 'i' of table 't': no such collation/;
  for (const [args, expected] of [
    [["backup"], undefined],
    [["list"], note],
    [["verify", "--read"], note],
    [["restore", "latest", "--to", join(sandbox.folder, "to")], undefined],
    [["restore", "latest", "--in-place", "--yes"], undefined],
    [["restore", "--from-file", join(sandbox.data, "app.db"), "--to", join(sandbox.folder, "from-file")], undefined],
  ] as const) {
    const { exitCode, stdout } = await sandbox.lifeboat(args);
    assert.equal(exitCode, 0, `${args.join(" ")}: ${stdout}`);
    if (expected) assert.match(stdout, expected);
  }
});
