import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mountFailingDisk } from "../../archive/failing-disk.ts";
import { makeSandbox } from "../sandbox.ts";

test("a sector that cannot be read costs its file and degrades the run; whoever restores or verifies is told", async (t) => {
  await using sandbox = await makeSandbox();
  const volume = join(sandbox.data, "volume");
  using disk = mountFailingDisk(t, sandbox.folder, volume);
  if (!disk) return;
  const made = await sandbox.lifeboat(["backup"]);
  assert.equal(made.exitCode, 3, made.stderr);
  assert.match(made.stdout + made.stderr, /1 file could be read only in part .*"\.\/volume\/bad"/);
  const verified = await sandbox.lifeboat(["verify", "--read"]);
  assert.equal(verified.exitCode, 0, verified.stderr);
  assert.match(verified.stdout, /1 file is not whole: .* 'volume\/bad'/);
  const to = join(sandbox.folder, "restored");
  const restored = await sandbox.lifeboat(["restore", "latest", "--to", to]);
  assert.equal(restored.exitCode, 3, restored.stderr);
  assert.match(restored.stdout, /1 file is not whole: .* 'volume\/bad'/);
  assert.ok(readFileSync(join(to, "volume", "good")).equals(disk.good));
  const plan = await sandbox.lifeboat(["restore", "latest", "--in-place", "--dry-run"]);
  assert.match(plan.stdout + plan.stderr, /1 file is not whole: .* 'volume\/bad'|read-only/);
});
