import assert from "node:assert/strict";
import { mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readState } from "../../../src/run/conduct/state.ts";
import { said, type Said } from "../../cli/said.ts";
import { freePort } from "../../servers/ports.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await makeSandbox();
  await writeFile(join(sandbox.data, "file"), "content\n");
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function ends(exitCode: number, args: readonly string[], more: Record<string, string> = {}): Promise<Said> {
  const ended = await said(args, { ...sandbox.env, ...more });
  assert.equal(ended.exitCode, exitCode, `${args.join(" ")}: ${ended.stdout}\n${ended.stderr}`);
  return ended;
}

async function backUp(more: Record<string, string> = {}): Promise<string> {
  return (JSON.parse((await ends(0, ["backup", "--json"], more)).stdout) as { backupId: string }).backupId;
}

async function listed(): Promise<readonly string[]> {
  const { stdout } = await ends(0, ["list", "--json"]);
  return (JSON.parse(stdout) as { backups: { id: string }[] }).backups.map(({ id }) => id);
}

test("one backup goes, with all its files, and is not told as vanished, nor does it count as the newest good one", async () => {
  const [first, other, newest] = [await backUp(), await backUp(), await backUp()];
  const { stdout } = await ends(0, ["forget", first, "--dry-run"]);
  assert.match(stdout, /remove stack-\S+\.receipt\.json\n {2}remove stack-\S+\.index\.zst\.gpg\n/);
  assert.match(stdout, /^nothing was removed, as this was a dry run$/m);
  assert.equal((await sandbox.stored()).length, 9);

  const done = await ends(0, ["forget", first.slice(0, 7)]);
  assert.match(done.stdout, new RegExp(`'${first}' \\(stack-\\S+\\) was removed from '`));
  assert.deepEqual(await listed(), [other, newest]);
  assert.equal((await sandbox.stored()).length, 6);

  const refused = await ends(1, ["forget", "latest"]);
  assert.match(refused.stdout, /it is the newest good backup on .*\n.*--even-newest/);
  await ends(0, ["forget", newest, "--even-newest"]);
  await ends(0, ["verify", "all"]);
  assert.equal((await readState(sandbox.state))?.lastGood?.id, other);
  await ends(0, ["forget", other, "--even-newest"]);
  assert.equal((await readState(sandbox.state))?.lastGood, undefined);
  assert.deepEqual(await listed(), []);
  await ends(10, ["forget", other]);
});

test("it goes from all targets or the one that is named, and is not missed where it was gone before", async () => {
  const second = join(sandbox.folder, "second");
  await mkdir(second);
  const both = { RCLONE_DESTINATION: `here:${second}`, RCLONE_CONFIG_HERE_TYPE: "local" };
  const [first, newest] = [await backUp(both), await backUp(both)];
  await ends(0, ["forget", first, "--target", sandbox.archive], both);
  assert.deepEqual([(await sandbox.stored()).length, (await readdir(second)).length], [3, 6]);
  for (const name of await sandbox.stored()) await rm(join(sandbox.archive, name));
  await ends(3, ["list"], both);
  await ends(0, ["forget", newest, "--even-newest"], both);
  await ends(0, ["list"], both);
  assert.equal((await readdir(second)).length, 3);
});

test("a broken one goes by its stem, not by a guess", async () => {
  const [, newest] = [await backUp(), await backUp()];
  const stem = (await sandbox.stored())[0]!.split(".")[0]!;
  await truncate(join(sandbox.archive, `${stem}.tar.zst.gpg`), 10);
  await ends(13, ["forget", stem.slice(0, -3)]);
  await ends(0, ["forget", `${stem}.receipt.json`]);
  assert.deepEqual(await listed(), [newest]);
});

test("a target that cannot be read is told, and the others are done", async () => {
  const [first, newest] = [await backUp(), await backUp()];
  const dead = {
    AWS_S3_BUCKET_NAME: "bucket",
    AWS_ENDPOINT: `127.0.0.1:${await freePort()}`,
    AWS_ENDPOINT_PROTO: "http",
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
  };
  const { stdout } = await ends(3, ["forget", first], dead);
  assert.match(stdout, /warning: target 's3:bucket' cannot be read, so nothing was changed there/);
  assert.deepEqual(await listed(), [newest]);
});
