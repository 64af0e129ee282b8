import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { extract, verifyArchive } from "../../src/archive/extract.ts";
import { attacks, file, filesOf, entry, hardlink, link, symlink, type Attack } from "./attacks.ts";
import { live, temporaryFolder } from "./rig.ts";

async function hostileBackup(t: TestContext, attack: Attack) {
  const outside = temporaryFolder(t);
  const into = join(outside, "quarantine", "into");
  await mkdir(into, { recursive: true });
  const { archive, index } = filesOf(attack);
  const archivePath = join(outside, "hostile.tar");
  const indexPath = join(outside, "hostile.index");
  await writeFile(archivePath, archive);
  await writeFile(indexPath, index);
  return { outside, backup: { archivePath, indexPath, keys: {}, into, contentBytes: 100 } };
}

for (const [what, attack] of Object.entries(attacks)) {
  test(`${what} is refused, and nothing is written outside`, async (t) => {
    const { outside, backup } = await hostileBackup(t, attack);
    await assert.rejects(extract(backup, live), { kind: "verification-failed", message: attack.refused });
    assert.deepEqual((await readdir(outside)).sort(), ["hostile.index", "hostile.tar", "quarantine"]);
    assert.deepEqual(await readdir(join(outside, "quarantine")), ["into"]);
    assert.deepEqual(
      (await readdir(backup.into)).filter((name) => name !== "backup"),
      [],
    );
    assert.equal(existsSync("/tmp/escaped"), false);
    await assert.rejects(verifyArchive(backup, live), { kind: "verification-failed", message: attack.refused });
  });
}

test("an honest archive of the same making is extracted, symlinks that point outside included", async (t) => {
  const honest: Attack = {
    archive: [file("backup/f"), symlink("backup/up", "../../.."), hardlink("backup/g", "backup/f")],
    index: [entry("backup/f"), link("backup/up", "symlink", "../../.."), link("backup/g", "hardlink", "backup/f")],
    refused: /never/,
  };
  const { backup } = await hostileBackup(t, honest);
  await extract(backup, live);
  assert.deepEqual((await readdir(join(backup.into, "backup"))).sort(), ["f", "g", "up"]);
});

test("an archive is never extracted into a folder that holds something", async (t) => {
  const { backup } = await hostileBackup(t, { archive: [], index: [], refused: /never/ });
  await writeFile(join(backup.into, "live"), "data");
  await assert.rejects(extract(backup, live), /is not empty/);
});
