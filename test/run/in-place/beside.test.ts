import assert from "node:assert/strict";
import { link, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { said, type Said } from "../../cli/said.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
before(async () => {
  sandbox = await makeSandbox();
  await mkdir(join(sandbox.data, "app", "conf.d"), { recursive: true });
  await writeFile(join(sandbox.data, "app", "config.toml"), "then", { mode: 0o640 });
  await writeFile(join(sandbox.data, "app", "conf.d", "one"), "1");
  await link(join(sandbox.data, "app", "config.toml"), join(sandbox.data, "app", "zz-same"));
  await symlink("conf.d", join(sandbox.data, "app", "way"));
  assert.equal((await said(["backup"], sandbox.env)).exitCode, 0);
  await writeFile(join(sandbox.data, "app", "config.toml"), "now");
});
after(() => sandbox[Symbol.asyncDispose]());

async function beside(only: string, as: string, exitCode: number, ...more: readonly string[]): Promise<Said> {
  const ended = await said(["restore", "latest", "--in-place", "--only", only, "--as", as, ...more], sandbox.env);
  assert.equal(ended.exitCode, exitCode, `${ended.stdout}${ended.stderr}`);
  assert.deepEqual(await readdir(sandbox.data), ["app"], "nothing of the restore is left");
  assert.equal((await readdir(sandbox.state)).filter((name) => name.includes("in-place")).length, 0);
  return ended;
}

const content = (...names: readonly string[]) => readFile(join(sandbox.data, "app", ...names), "utf8");

test("a file or a folder comes beside the live one under a name of its own, and the live one stays", async () => {
  const { stdout } = await beside("app/config.toml", "app/config.toml.from-backup", 0);
  assert.match(stdout, /'app\/config\.toml' of backup '[0-9a-f]{8}' is at 'app\/config\.toml\.from-backup' now/);
  assert.deepEqual([await content("config.toml.from-backup"), await content("config.toml")], ["then", "now"]);
  assert.equal((await stat(join(sandbox.data, "app", "config.toml.from-backup"))).mode & 0o777, 0o640);
  await beside("app/zz-same", "app/same.old", 0);
  assert.equal(await content("same.old"), "then");
  await beside("backup/app/conf.d", "app/conf.d.old", 0);
  assert.equal(await content("conf.d.old", "one"), "1");
  await beside("app", "app/all", 0);
  assert.equal(await content("all", "config.toml"), "then");
});

test("a name that is taken, has no folder, or leads through a link is refused before anything is fetched", async () => {
  for (const [as, why] of [
    ["app/conf.d", /it is there already/],
    ["app/none/config.toml", /'app\/none' is not a folder/],
    ["app/way/config.toml", /'app\/way' is not a folder/],
    ["../config.toml", /leads out of BACKUP_SOURCES/],
  ] as const) {
    assert.match((await beside("app/config.toml", as, 2)).stderr, why);
  }
  await beside("app/nothing", "app/new", 10);
  await beside("app/config.toml", "app/new", 2, "--dry-run");
  const two = await said(["restore", "latest", "--in-place", "--only", "a", "b", "--as", "c"], sandbox.env);
  assert.match(two.stderr, /--as goes with --in-place and one --only/);
});

test("a run that is killed leaves nothing half done, and the next one tidies up", async () => {
  const args = ["restore", "latest", "--in-place", "--only", "app/config.toml", "--as", "app/killed"];
  const { signal } = await sandbox.start(args, { LIFEBOAT_FAILPOINT: "in-place:staged:kill" });
  assert.equal(signal, "SIGKILL");
  assert.ok(!(await readdir(join(sandbox.data, "app"))).includes("killed"));
  await beside("app/config.toml", "app/killed", 0);
  assert.equal(await content("killed"), "then");
});
