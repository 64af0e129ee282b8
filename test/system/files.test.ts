import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isSystemError, syncFile, syncFolder, writeAtomically } from "../../src/system/files.ts";

let folder: string;
before(async () => (folder = await mkdtemp(join(tmpdir(), "lifeboat-files-"))));
after(() => rm(folder, { recursive: true }));

test("a file is replaced whole, with its mode, and nothing is left beside it", async () => {
  const path = join(folder, "new", "state.json");
  await writeAtomically(path, "one");
  await writeAtomically(path, "two", 0o640);
  assert.equal(await readFile(path, "utf8"), "two");
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  assert.deepEqual(await readdir(join(folder, "new")), ["state.json"]);
});

test("a file that cannot be replaced is left as it was, and no partial file stays", async () => {
  const path = join(folder, "blocked", "state.json");
  await mkdir(path, { recursive: true }); // A folder of that name: the rename must fail.
  await assert.rejects(writeAtomically(path, "x"), (error) => isSystemError(error, "EISDIR", "ENOTEMPTY", "EEXIST"));
  assert.deepEqual(await readdir(join(folder, "blocked")), ["state.json"]);
  await chmod(path, 0o755);
});

test("a file system that syncs no folders is left to itself; a folder that is not there is still an error", async () => {
  await assert.rejects(syncFile("/proc/self"), { code: "EINVAL" }); // The kernel's own is of that kind.
  await syncFolder("/proc/self");
  await assert.rejects(syncFolder(join(folder, "nowhere")), { code: "ENOENT" });
});
