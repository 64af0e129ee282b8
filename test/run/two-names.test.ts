import assert from "node:assert/strict";
import { link, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { makeSandbox } from "./sandbox.ts";

function valueIn(path: string): unknown {
  const database = new Database(path);
  try {
    return database.prepare("SELECT a FROM t").pluck().get();
  } finally {
    database.close();
  }
}

test("a database with two names goes and comes back as one file with two names", async (t) => {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  const done = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await sandbox.lifeboat(args);
    assert.equal(exitCode, 0, `${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  };
  const oneFile = async (folder: string) => {
    const [one, other] = await Promise.all(["v/a.db", "v/b.db"].map((name) => stat(join(folder, name))));
    assert.deepEqual([one?.ino, one?.nlink], [other?.ino, 2]);
  };
  const a = join(sandbox.data, "v/a.db");
  await mkdir(join(sandbox.data, "v"));
  const database = new Database(a);
  database.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('saved')");
  database.close();
  await link(a, join(sandbox.data, "v/b.db"));

  await done("backup");
  assert.match(await done("ls", "latest"), /v\/a\.db[^]*v\/b\.db/);
  assert.match(await done("verify", "--read"), /read: every byte/);
  assert.match(await done("diff", "latest"), /0 added, 0 removed, 0 changed/);
  await done("restore", "latest", "--to", join(sandbox.folder, "all"));
  await oneFile(join(sandbox.folder, "all"));
  for (const name of ["v/a.db", "v/b.db"]) {
    const to = join(sandbox.folder, `only-${name.slice(2)}`);
    await done("restore", "latest", "--to", to, "--only", name);
    assert.equal(valueIn(join(to, name)), "saved");
  }

  const change = new Database(a);
  change.exec("UPDATE t SET a = 'later'");
  change.close();
  await done("restore", "latest", "--in-place", "--yes", "--only", "v/b.db");
  assert.deepEqual([valueIn(a), valueIn(join(sandbox.data, "v/b.db"))], ["later", "saved"]);
  await done("restore", "latest", "--in-place", "--yes");
  await oneFile(sandbox.data);
  assert.equal(valueIn(a), "saved");
});
