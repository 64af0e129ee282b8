import assert from "node:assert/strict";
import { copyFile, link, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { query, TOTAL_BALANCE, totalBalance, Volume } from "./volume.ts";

/** By the one that made it, and by the one that has it open. */
const DEBITED_TWICE = 2000 * 500 - 5 * 7 - 5 * 5 * 7;

/** `app.db` is also `sub/zoo.db`. */
async function withSecondName(volume: Volume, mode: "wal" | "delete" = "wal"): Promise<void> {
  await volume.write("app.db", "close", mode);
  await mkdir(join(volume.live, "sub"));
  await link(join(volume.live, "app.db"), join(volume.live, "sub/zoo.db"));
}

describe("a database with two names", { concurrency: 3 }, () => {
  test("is copied once, as one file with two names", async () => {
    await using volume = await Volume.create();
    await withSecondName(volume);
    const { finding, members } = await volume.snapshot();
    const { outcome, name, facts } = finding;
    assert.deepEqual([outcome, name, facts["otherNames"]], ["good", "app.db", ["sub/zoo.db"]]);
    assert.equal(members.length, 1);
    const { root, listFile } = members[0] ?? { root: "", listFile: "" };
    assert.equal(await readFile(listFile, "utf8"), "./app.db\0./sub/zoo.db\0");
    assert.equal((await stat(join(root, "sub/zoo.db"))).ino, (await stat(join(root, "app.db"))).ino);
  });

  for (const used of ["app.db", "sub/zoo.db"]) {
    test(`is copied by the name that is in use: ${used}`, async () => {
      await using volume = await Volume.create();
      await withSecondName(volume);
      await volume.write(used, "open", "wal");
      const { finding, copy } = await volume.snapshot();
      assert.deepEqual([finding.flaws, finding.facts["method"]], [[], "online"]);
      assert.equal(totalBalance(copy), TOTAL_BALANCE);
      assert.equal(query(copy, "SELECT sum(balance) FROM checking"), DEBITED_TWICE);
    });
  }

  test("each of them with changes of its own is told as a flaw, and the copy is good by itself", async () => {
    await using volume = await Volume.create();
    await withSecondName(volume);
    await volume.crash(await volume.write("app.db", "open", "wal"));
    for (const ending of ["-wal", "-shm"]) {
      await copyFile(join(volume.live, `app.db${ending}`), join(volume.live, `sub/zoo.db${ending}`));
    }
    const { finding, copy } = await volume.snapshot();
    assert.equal(finding.outcome, "flawed");
    assert.match(finding.flaws.join(), /in use by two of its names, and changes beside 'zoo\.db' are not in the copy/);
    assert.equal(query(copy, "SELECT sum(balance) FROM checking"), DEBITED_TWICE);
  });

  test("a journal that was kept for the next transaction is no change", async () => {
    await using volume = await Volume.create();
    await withSecondName(volume, "delete");
    for (const name of ["app.db", "sub/zoo.db"])
      await writeFile(join(volume.live, `${name}-journal`), Buffer.alloc(512));
    assert.deepEqual((await volume.snapshot()).finding.flaws, []);
  });
});
