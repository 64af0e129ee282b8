import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { fillWithData, makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
let disk: string;
before(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
  disk = join(sandbox.folder, "disk");
  await mkdir(disk);
});
after(() => sandbox[Symbol.asyncDispose]());

const mount = () => execa("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", disk]);
const backUp = () => sandbox.lifeboat(["backup"], { BACKUP_ARCHIVE: disk });

test("nothing is put to a local target whose disk is not mounted, until that is accepted", async () => {
  await mount();
  try {
    assert.equal((await backUp()).exitCode, 0);
  } finally {
    await execa("umount", [disk]);
  }
  for (const _ of [1, 2]) {
    const { exitCode, stdout } = await backUp();
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /is on the disk of the state folder, where it was not before: its own disk is not mounted/);
    assert.match(stdout, /warning: backup '.*' .*is no longer on '.*disk'/);
  }
  const beside = await sandbox.lifeboat(["backup"], {
    BACKUP_ARCHIVE: disk,
    RCLONE_CONFIG_HERE_TYPE: "local",
    RCLONE_DESTINATION: `here:${sandbox.archive}`,
  });
  assert.equal(beside.exitCode, 3, beside.stderr);
  assert.match(beside.stdout, /here:.*: shipped and proven/);
  assert.match(beside.stdout, /disk: failed: .* its own disk is not mounted/);
  assert.deepEqual(await readdir(disk), []);
  assert.equal((await sandbox.lifeboat(["verify", "--accept-missing"], { BACKUP_ARCHIVE: disk })).exitCode, 0);
  assert.equal((await backUp()).exitCode, 0);
});

test("a fresh disk in the place of the old is used, and told until it is accepted", async () => {
  await mount();
  try {
    assert.equal((await backUp()).exitCode, 3);
    assert.equal((await backUp()).exitCode, 3);
    assert.equal((await sandbox.lifeboat(["verify", "--accept-missing"], { BACKUP_ARCHIVE: disk })).exitCode, 0);
    assert.equal((await backUp()).exitCode, 0);
  } finally {
    await execa("umount", [disk]);
  }
});
