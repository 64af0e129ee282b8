import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { mountSmallDisk } from "../../targets/small-disk.ts";
import { makeSandbox } from "../sandbox.ts";

test("a local target that cannot take the backup is found before anything is copied", async (t) => {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await writeFile(join(sandbox.data, "noise"), randomBytes(4_000_000));
  await using disk = await mountSmallDisk(sandbox.folder, "18m");
  const onDisk = { BACKUP_ARCHIVE: disk.folder, LIFEBOAT_FAILPOINT: "backup:surveyed:kill" };

  const full = await sandbox.lifeboat(["backup"], onDisk);
  assert.equal(full.exitCode, 1, "it went on past the survey");
  assert.match(full.stderr, /not enough space in '.*disk-.*' for the backup: about 4 MiB needed, 18 MiB free/);
  assert.match(full.stdout, /Nothing was held or copied/);

  await disk.makeReadOnly();
  const readOnly = await sandbox.lifeboat(["backup"], onDisk);
  assert.equal(readOnly.exitCode, 1, "it went on past the survey");
  assert.match(readOnly.stderr, /cannot store backups.*disk-.*read-only/i);
});

test("where another target may take it, the run goes on and tells of the one that cannot", async (t) => {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await writeFile(join(sandbox.data, "noise"), randomBytes(4_000_000));
  await using disk = await mountSmallDisk(sandbox.folder, "1m");
  const { exitCode, stdout } = await sandbox.lifeboat(["backup"], {
    BACKUP_ARCHIVE: disk.folder,
    RCLONE_DESTINATION: `disk2:${sandbox.archive}`,
    RCLONE_CONFIG_DISK2_TYPE: "local",
  });
  assert.equal(exitCode, 3, stdout);
  assert.match(stdout, /disk2:.*: shipped and proven/);
  assert.match(stdout, /disk-.*: failed: .*ENOSPC|disk-.*: failed: .*space/);
});
