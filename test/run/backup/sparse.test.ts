import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeSandbox } from "../sandbox.ts";

test("a file that is longer than the disk but holds little is saved and restored there, to a folder and in place", async () => {
  await using sandbox = await makeSandbox();
  const disk = join(sandbox.folder, "disk");
  const lengthBytes = 256 * 1024 * 1024;
  execFileSync("mkdir", [disk]);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "lifeboat-test", disk]);
  try {
    execFileSync("mkdir", ["data", "state"], { cwd: disk });
    await writeFile(join(disk, "data", "disk.img"), "begin");
    await truncate(join(disk, "data", "disk.img"), lengthBytes);
    await writeFile(join(disk, "data", "disk.img"), "end", { flag: "a" });
    const settings = { BACKUP_SOURCES: join(disk, "data"), BACKUP_STATE: join(disk, "state") };
    const made = await sandbox.lifeboat(["backup"], settings);
    assert.equal(made.exitCode, 0, made.stderr);
    const to = join(disk, "restored");
    const restored = await sandbox.lifeboat(["restore", "latest", "--to", to], settings);
    assert.equal(restored.exitCode, 0, restored.stderr);
    execFileSync("cmp", [join(disk, "data", "disk.img"), join(to, "disk.img")]);
    assert.ok(statSync(join(to, "disk.img")).blocks * 512 < 1024 * 1024);
    const inPlace = await sandbox.lifeboat(
      ["restore", "latest", "--in-place", "--yes", "--only", "disk.img"],
      settings,
    );
    assert.equal(inPlace.exitCode, 0, inPlace.stderr);
  } finally {
    execFileSync("umount", [disk]);
  }
});
