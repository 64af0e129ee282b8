import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, test } from "node:test";
import { assemble } from "../../../src/assemble.ts";
import type { Tools } from "../../../src/run/conduct/tools.ts";
import { pruneAll } from "../../../src/run/keep/prune.ts";
import { said, type Said } from "../../cli/said.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const never = new AbortController().signal;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
  await writeFile(join(sandbox.data, "file"), "content\n");
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function ends(exitCode: number, ...args: readonly string[]): Promise<Said> {
  const ended = await said(args, sandbox.env);
  assert.equal(ended.exitCode, exitCode, `${args.join(" ")}: ${ended.stdout}\n${ended.stderr}`);
  return ended;
}

async function backUp(...more: readonly string[]): Promise<string> {
  return (JSON.parse((await ends(0, "backup", "--json", ...more)).stdout) as { backupId: string }).backupId;
}

async function listed(): Promise<Record<string, string[]>> {
  const { backups } = JSON.parse((await ends(0, "list", "--json")).stdout) as {
    backups: { id: string; pinnedOn: string[] }[];
  };
  return Object.fromEntries(backups.map(({ id, pinnedOn }) => [id, pinnedOn]));
}

/** Prunes as if it were 40 days later. */
async function pruneLater(): Promise<readonly string[]> {
  const silent = new PassThrough().resume();
  const env = { ...sandbox.env, BACKUP_RETENTION_DAYS: "30" };
  const tools = await assemble({ env, stdout: silent, stderr: silent, signal: never }, "restore");
  const later: Tools = { ...tools, clock: { ...tools.clock, now: () => new Date(Date.now() + 40 * DAY_MS) } };
  const { report, prunings } = await pruneAll(false, later, never);
  assert.equal(report.exitCode, 0, JSON.stringify(report));
  return prunings.flatMap(({ keep }) => keep.flatMap(({ reasons }) => reasons));
}

test("a pinned backup stays, from the start or from later on, whatever became of the state folder", async () => {
  const [kept, pinned, other, newest] = [await backUp("--keep"), await backUp(), await backUp(), await backUp()];
  await ends(0, "pin", pinned.slice(0, 6));
  assert.match((await ends(0, "pin", pinned)).stdout, /is already pinned on/);
  const here = [sandbox.archive];
  assert.deepEqual(await listed(), { [kept]: here, [pinned]: here, [other]: [], [newest]: [] });
  assert.match((await ends(0, "list")).stdout, new RegExp(`^${kept} .* good, pinned `, "m"));

  await rm(sandbox.state, { recursive: true });
  assert.deepEqual(await pruneLater(), ["newest good backup", "pinned", "pinned"]);
  assert.deepEqual(await listed(), { [kept]: here, [pinned]: here, [newest]: [] });
  await ends(0, "verify", "all", "--read");
  assert.match((await ends(1, "forget", kept)).stdout, new RegExp(`it is pinned on .*\\n.*'lifeboat unpin ${kept}'`));

  await ends(0, "unpin", kept);
  await ends(10, "unpin", kept);
  await pruneLater();
  assert.deepEqual(await listed(), { [pinned]: here, [newest]: [] });
  await ends(0, "unpin", pinned);
  await ends(0, "forget", pinned);
  assert.equal((await sandbox.stored()).length, 3);
});

test("a pin is a file beside the backup, that says which it is; a damaged one pins, one without a backup is swept", async () => {
  const [first, newest] = [await backUp("--keep"), await backUp()];
  const [key = ""] = (await sandbox.stored()).filter((name) => name.endsWith(".pin.json"));
  const pin = JSON.parse(await readFile(join(sandbox.archive, key), "utf8")) as { backup: string };
  assert.equal(pin.backup, first);
  await writeFile(join(sandbox.archive, key), "");
  const stray = "stack-20200101T000000Z-full.pin.json";
  await writeFile(join(sandbox.archive, stray), "");
  await pruneLater();
  assert.deepEqual(await listed(), { [first]: [sandbox.archive], [newest]: [] });
  assert.ok(!(await sandbox.stored()).includes(stray));
});
