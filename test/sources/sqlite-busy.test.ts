import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { query, TOTAL_BALANCE, totalBalance, Volume } from "./volume.ts";

describe("a database under a busy writer, seen through a read-only mount", { concurrency: 3 }, () => {
  for (const mode of ["wal", "delete"] as const) {
    test(`twenty copies in a row are all intact and consistent (journal mode ${mode})`, async () => {
      await using volume = await Volume.create();
      await volume.write("app.db", "hammer", mode);
      const states = new Set<unknown>();
      for (let times = 0; times < 20; times += 1) {
        const { copy, finding } = await volume.snapshot();
        assert.deepEqual([finding.outcome, finding.facts["method"]], ["good", "online"]);
        assert.deepEqual(await readdir(dirname(copy)), ["app.db"]);
        assert.equal(query(copy, "PRAGMA integrity_check"), "ok");
        assert.equal(totalBalance(copy), TOTAL_BALANCE);
        states.add(query(copy, "SELECT group_concat(balance) FROM savings"));
      }
      assert.equal(states.size, 20, "each copy is of its own moment");
    });
  }

  for (const mode of ["wal", "delete"] as const) {
    test(`a database of many steps is copied in one go, not anew after every write (journal mode ${mode})`, async () => {
      await using volume = await Volume.create();
      await volume.write("app.db", "hammer", mode);
      const database = new Database(join(volume.live, "app.db"));
      database.pragma("synchronous = OFF");
      database.exec("CREATE TABLE filler (a); INSERT INTO filler VALUES (zeroblob(60000000))");
      database.close();
      const { copy, finding } = await volume.snapshot({ timeoutMs: 10_000 });
      assert.equal(finding.outcome, "good");
      assert.equal(totalBalance(copy), TOTAL_BALANCE);
    });
  }

  test("a writer frozen in the middle of a transaction does not keep its database from being copied", async () => {
    await using volume = await Volume.create();
    const writer = await volume.write("app.db", "half");
    writer.kill("SIGSTOP");
    const { copy, finding } = await volume.snapshot({ timeoutMs: 20_000 });
    assert.deepEqual([finding.outcome, finding.facts["method"]], ["good", "recovered"]);
    assert.equal(totalBalance(copy), TOTAL_BALANCE);
  });

  test("an application that opens and closes its WAL database all the time is copied", async () => {
    await using volume = await Volume.create();
    await volume.write("app.db", "open-and-close", "wal");
    for (let times = 0; times < 5; times += 1) {
      const { copy, finding } = await volume.snapshot();
      assert.equal(finding.outcome, "good");
      assert.equal(totalBalance(copy), TOTAL_BALANCE);
    }
  });
});
