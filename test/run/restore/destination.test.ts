import assert from "node:assert/strict";
import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { said } from "../../cli/said.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
before(async () => {
  sandbox = await makeSandbox();
  await writeFile(join(sandbox.data, "file"), "content\n");
  await writeFile(join(sandbox.folder, "old.tar"), "");
  await symlink(sandbox.state, join(sandbox.folder, "way-round"));
  assert.equal((await said(["backup"], sandbox.env)).exitCode, 0);
});
after(() => sandbox[Symbol.asyncDispose]());

/** Both kinds of restore to a folder. */
const restores = () => [["latest"], ["--from-file", join(sandbox.folder, "old.tar")]];

test("a folder of a relative path is refused", async () => {
  for (const what of restores()) {
    const { exitCode, stdout } = await said(["restore", ...what, "--to", "restored"], sandbox.env);
    assert.equal(exitCode, 2);
    assert.match(stdout, /'restored' is no absolute path\n {4}.*--to \/restored\/today$/m);
  }
});

test("a folder among our own is refused, also by way of a link, and nothing is left there", async () => {
  const ours = {
    BACKUP_STATE: [sandbox.state, join(sandbox.state, "x", "y"), join(sandbox.folder, "way-round", "x")],
    BACKUP_ARCHIVE: [sandbox.archive, join(sandbox.archive, "x")],
    BACKUP_SOURCES: [join(sandbox.data, "x")],
  };
  for (const [setting, folders] of Object.entries(ours)) {
    for (const to of folders) {
      for (const what of restores()) {
        const { exitCode, stdout } = await said(["restore", ...what, "--to", to], sandbox.env);
        assert.equal(exitCode, 2, to);
        assert.match(stdout, new RegExp(`cannot restore to '${to}', which is in ${setting} \\('/`));
      }
    }
  }
  assert.deepEqual(await readdir(sandbox.data), ["file"]);
  await assert.rejects(stat(join(sandbox.state, "x")), /ENOENT/);
});

test("the sources' own folder will do while it is empty, as on a new machine", async () => {
  const sources = join(sandbox.folder, "new-machine");
  await mkdir(sources);
  const env = { ...sandbox.env, BACKUP_SOURCES: sources };
  assert.equal((await said(["restore", "latest", "--to", sources], env)).exitCode, 0);
  assert.deepEqual(await readdir(sources), ["file"]);
});
