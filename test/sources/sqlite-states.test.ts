import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { LifeboatError } from "../../src/errors.ts";
import { readSqliteHeader } from "../../src/sources/sqlite/header.ts";
import { query, TOTAL_BALANCE, totalBalance, Volume } from "./volume.ts";

const DEBITED_BY_OPEN_WRITER = 2000 * 500 - 5 * 5 * 7;
const DEBITED_ONCE = 2000 * 500 - 5 * 7;

/** The copy has what was committed and nothing else, and lies alone. */
async function assertGood(
  copied: Awaited<ReturnType<Volume["snapshot"]>>,
  method: string,
  checking: number,
): Promise<void> {
  assert.deepEqual(copied.finding.flaws, []);
  assert.equal(copied.finding.facts["method"], method);
  assert.deepEqual(await readdir(dirname(copied.copy)), ["app.db"]);
  assert.equal(query(copied.copy, "PRAGMA integrity_check"), "ok");
  assert.equal(totalBalance(copied.copy), TOTAL_BALANCE);
  assert.equal(query(copied.copy, "SELECT sum(balance) FROM checking"), checking);
}

describe("each state of a database on a read-only mount ends in a good copy or a clear failure", () => {
  test("WAL, the application alive: the rows in the -wal are in the copy", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "open", "wal");
    const copied = await volume.snapshot();
    await assertGood(copied, "online", DEBITED_BY_OPEN_WRITER);
    assert.ok(Number(copied.finding.facts["walBytes"]) > 0);
    assert.equal((await readSqliteHeader(copied.copy))?.journalMode, "wal");
  });

  test("WAL, the application killed, -wal and -shm left: the rows in the -wal are in the copy", async () => {
    await using volume = await Volume.create();
    await volume.crash(await volume.write("app.db", "open", "wal"));
    assert.ok(existsSync(join(volume.live, "app.db-shm")));
    await assertGood(await volume.snapshot(), "online", DEBITED_BY_OPEN_WRITER);
  });

  test("WAL, cleanly closed, no side files: the file is copied, and nothing is made beside the original", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close", "wal");
    for (const root of [volume.readOnly, volume.live]) {
      await assertGood(await volume.snapshot({ root }), "copied at rest", DEBITED_ONCE);
      assert.deepEqual(await readdir(volume.live), ["app.db"]);
    }
  });

  test("WAL, the -shm gone: SQLite takes the -wal's rows over in the copy", async () => {
    await using volume = await Volume.create();
    await volume.crash(await volume.write("app.db", "open", "wal"));
    await rm(join(volume.live, "app.db-shm"));
    for (const root of [volume.readOnly, volume.live]) {
      await assertGood(await volume.snapshot({ root }), "recovered", DEBITED_BY_OPEN_WRITER);
      assert.deepEqual(await readdir(volume.live), ["app.db", "app.db-wal"]);
    }
  });

  test("WAL, the -wal deleted by someone: the copy is kept, flagged, and says how much is lost", async () => {
    await using volume = await Volume.create();
    await volume.crash(await volume.write("app.db", "open", "wal"));
    await rm(join(volume.live, "app.db-wal"));
    const { finding, copy } = await volume.snapshot();
    assert.equal(finding.outcome, "flawed");
    assert.match(finding.flaws.join(), /its -wal was deleted by someone while it was in use: \d+ pages of committed/);
    assert.equal(query(copy, "PRAGMA integrity_check"), "ok");
  });

  test("WAL, the -shm deleted under a live writer: a clear failure that names the label, or a consistent copy", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "hammer", "wal");
    await rm(join(volume.live, "app.db-shm"));
    await assert.rejects(volume.snapshot({ timeoutMs: 1500 }), (error: LifeboatError) => {
      assert.match(error.message, /^database 'app.db' could not be copied: it (is being written to|changed while)/);
      assert.match(error.hint ?? "", /lifeboat\.hold=stop/);
      return true;
    });
  });

  test("rollback journal, the application alive and idle: copied online", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "open");
    await assertGood(await volume.snapshot(), "online", DEBITED_BY_OPEN_WRITER);
  });

  test("rollback journal, killed in the middle of a transaction: it is rolled back in the copy, not in the original", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    await volume.crash(await volume.write("app.db", "half"));
    const journalBytes = statSync(join(volume.live, "app.db-journal")).size;
    assert.ok(journalBytes > 0, "the journal is hot");
    for (const root of [volume.readOnly, volume.live]) {
      await assertGood(await volume.snapshot({ root }), "recovered", DEBITED_ONCE);
      assert.equal(statSync(join(volume.live, "app.db-journal")).size, journalBytes);
    }
  });

  test("rollback journal, killed in a transaction over two databases: rolled back where that can be known", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    await volume.crash(await volume.write("app.db", "attached-half"));
    await assertGood(await volume.snapshot(), "recovered", DEBITED_ONCE);
  });

  test("a cleanly closed database with a rollback journal is copied online", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "close");
    await assertGood(await volume.snapshot(), "online", DEBITED_ONCE);
  });

  for (const mode of ["delete", "wal"] as const) {
    test(`locked for ever (journal mode ${mode}): ends by the deadline one way or the other, without spinning`, async () => {
      await using volume = await Volume.create();
      await volume.write("app.db", "lock", mode);
      if (mode === "wal") return await assertGood(await volume.snapshot(), "online", 2000 * 500);
      const before = performance.now();
      const used = childrensCpuSeconds();
      await assert.rejects(volume.snapshot({ timeoutMs: 1500 }), (error: LifeboatError) => {
        assert.match(
          error.message,
          /database 'app.db' could not be copied: it is locked by another process \(tried for [12] s\)/,
        );
        assert.match(error.hint ?? "", /lifeboat\.hold=stop/);
        return true;
      });
      assert.ok(performance.now() - before < 4000);
      assert.ok(childrensCpuSeconds() - used < 1);
    });
  }

  test("an abort ends the copy at once, and its process with it", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "lock");
    const reason = new Error("the run is over");
    const controller = new AbortController();
    const copying = volume.snapshot({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 500);
    const before = performance.now();
    await assert.rejects(copying, reason);
    assert.ok(performance.now() - before < 2500);
  });
});

/** Of all children that have ended (proc(5): cutime and cstime of /proc/self/stat, in hundredths of a second). */
function childrensCpuSeconds(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
