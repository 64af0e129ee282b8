import assert from "node:assert/strict";
import { mkdtemp, rm, stat, symlink, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { byteStringOf } from "../../src/sources/names.ts";
import { copyOnline } from "../../src/sources/sqlite/online.ts";
import { systemClock } from "../../src/system/clock.ts";
import { mountSmallDisk } from "../targets/small-disk.ts";

const CHUNK_BYTES = 1024 * 1024;

/** A database in rollback-journal mode with a counter at either end, and another disk for its copy: no block is shared. */
async function rig(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "lifeboat-lock-"));
  const disk = await mountSmallDisk(folder, "64m");
  const path = join(folder, "app.db");
  const writer = new Database(path, { timeout: 0 });
  t.after(async () => {
    writer.close();
    await disk[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  writer.exec(
    `PRAGMA synchronous = OFF; CREATE TABLE first (n); INSERT INTO first VALUES (0); CREATE TABLE filler (a);
     INSERT INTO filler VALUES (randomblob(5000000)); CREATE TABLE last (n); INSERT INTO last VALUES (0)`,
  );
  const link = join(disk.folder, "database");
  await symlink(path, link);
  const job = {
    do: "copy" as const,
    database: byteStringOf(path),
    otherNames: [],
    name: "app.db",
    folder: disk.folder,
  };
  return {
    path,
    writer,
    chunks: Math.ceil((await stat(path)).size / CHUNK_BYTES),
    copy: join(disk.folder, "copy"),
    copying: (checkTime: () => void) =>
      copyOnline({
        ...{ job: { ...job, timeoutMs: 60_000 }, link, copy: join(disk.folder, "copy"), clock: systemClock },
        checkTime,
      }),
  };
}

test("who writes in rollback-journal mode is let in until the copy only has to be compared, and it is of one moment", async (t) => {
  const { writer, chunks, copy, copying } = await rig(t);
  let [letIn, lockedOut] = [0, 0];
  const lockedMs = await copying(() => {
    try {
      writer.exec("BEGIN IMMEDIATE; UPDATE first SET n = n + 1; UPDATE last SET n = n + 1; COMMIT");
      letIn += 1;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "SQLITE_BUSY");
      writer.exec("ROLLBACK");
      lockedOut += 1;
    }
  });
  assert.deepEqual([letIn, lockedOut], [chunks, chunks]);
  assert.ok(lockedMs >= 0);
  const copied = new Database(copy, { readonly: true });
  const [first, last] = ["first", "last"].map((table) => copied.prepare(`SELECT n FROM ${table}`).pluck().get());
  assert.deepEqual([first, last], [letIn, letIn], "what was committed before the lock, and all of it");
  assert.equal(copied.pragma("integrity_check", { simple: true }), "ok");
  copied.close();
  assert.equal((await stat(copy)).mode & 0o777, 0o600);
});

test("a database that nobody writes to is read once, and locked only to be sure of that", async (t) => {
  const { path, chunks, copy, copying } = await rig(t);
  await utimes(path, 1_700_000_000.5, 1_700_000_000.5);
  let calls = 0;
  await copying(() => (calls += 1));
  assert.equal(calls, chunks);
  assert.equal((await stat(copy)).size, (await stat(path)).size);
});

test("a database that grows, or is cut short, while it is copied is copied as it is in the end", async (t) => {
  const { writer, copy, copying } = await rig(t);
  let calls = 0;
  await copying(() => {
    calls += 1;
    if (calls === 2) writer.exec("DELETE FROM filler; VACUUM; INSERT INTO last VALUES (7)");
  });
  const copied = new Database(copy, { readonly: true });
  assert.equal(copied.prepare("SELECT count(*) FROM last").pluck().get(), 2);
  assert.equal(copied.pragma("integrity_check", { simple: true }), "ok");
  copied.close();
  assert.ok((await stat(copy)).size < CHUNK_BYTES);
});
