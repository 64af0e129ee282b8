import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { until } from "../../until.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";
import { makeMountedSandbox, pictureOf, putMoment } from "./mounted-sandbox.ts";

const run = promisify(execFile);
const RESTORE = ["restore", "latest", "--in-place", "--yes"];

async function begin(t: TestContext): Promise<Sandbox> {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await writeFile(join(sandbox.data, "file"), "then");
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await writeFile(join(sandbox.data, "file"), "now");
  return sandbox;
}

const fileOf = ({ data }: Sandbox) => readFile(join(data, "file"), "utf8");

test("a restore during a backup is refused, or waits for it as long as LOCK_TIMEOUT says", async (t) => {
  const sandbox = await begin(t);
  const saving = sandbox.start(["backup"], { LIFEBOAT_FAILPOINT: "backup:sealed:hang" });
  const isSealed = async () => (await readdir(sandbox.state, { recursive: true })).some((name) => /\.tar\./.test(name));
  await until("the backup is under way", isSealed);
  const refused = await sandbox.lifeboat(RESTORE);
  assert.equal(refused.exitCode, 11);
  assert.match(refused.stdout, /is locked by 'backup'/);
  assert.equal(await fileOf(sandbox), "now");

  const waiting = sandbox.start(RESTORE, { LOCK_TIMEOUT: "60s" });
  saving.kill("SIGTERM");
  assert.equal((await saving).exitCode, 143);
  assert.equal((await waiting).exitCode, 0);
  assert.equal(await fileOf(sandbox), "then");
});

test("of two restores at once the second waits for the first, and a backup for both", async (t) => {
  const sandbox = await begin(t);
  const env = { LOCK_TIMEOUT: "60s" };
  const { backups } = JSON.parse((await sandbox.lifeboat(["list", "--json"])).stdout) as { backups: { id: string }[] };
  // Whichever of the three is first: the new backup is the latest from then on.
  const restore = ["restore", backups[0]!.id, "--in-place", "--yes"];
  const all = await Promise.all([restore, restore, ["backup"]].map((args) => sandbox.lifeboat(args, env)));
  for (const { exitCode, stdout } of all) assert.equal(exitCode, 0, stdout);
  assert.equal(await fileOf(sandbox), "then");
  assert.deepEqual(await readdir(sandbox.data), ["file"]);
});

test("a disk that is full while the new data is put beside the old leaves everything as it was", async (t) => {
  const sandbox = await begin(t);
  const before = await pictureOf(sandbox.data);
  const { exitCode, stdout } = await sandbox.lifeboat(RESTORE, { LIFEBOAT_FAILPOINT: "in-place:extracted:enospc" });
  assert.equal(exitCode, 1);
  assert.match(stdout, /ENOSPC/);
  assert.deepEqual(await pictureOf(sandbox.data), before);
  assert.deepEqual(
    (await readdir(sandbox.state)).filter((name) => name.includes("in-place")),
    [],
  );
});

test("too little room to fetch the backup is told before anything is fetched", async (t) => {
  const sandbox = await begin(t);
  await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", sandbox.state]);
  try {
    const before = await pictureOf(sandbox.data);
    const { exitCode, stdout } = await sandbox.lifeboat(RESTORE);
    assert.equal(exitCode, 1);
    assert.match(stdout, /not enough space in '\S+\/state' to fetch the backup/);
    assert.deepEqual(await pictureOf(sandbox.data), before);
  } finally {
    await run("umount", ["--lazy", sandbox.state]);
  }
});

test("a volume that is new since the backup stays as it is, and the plan says so", async (t) => {
  const sandbox = await makeMountedSandbox(t);
  await putMoment(sandbox.data, "then");
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  const then = await pictureOf(sandbox.data);
  await putMoment(sandbox.data, "now");
  const added = join(sandbox.data, "added");
  await mkdir(added);
  await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", added]);
  try {
    await writeFile(join(added, "file"), "new");
    const { exitCode, stderr } = await sandbox.lifeboat(RESTORE);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /'\S+\/data\/added' is not in this backup and stays as it is/);
    assert.equal(await readFile(join(added, "file"), "utf8"), "new");
    assert.deepEqual(
      (await pictureOf(sandbox.data)).filter((line) => !line.startsWith("added")),
      then,
    );
  } finally {
    await run("umount", ["--lazy", added]);
  }
});
