import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, test } from "node:test";
import { assemble } from "../../../src/assemble.ts";
import { backup } from "../../../src/run/backup/backup.ts";
import { pruneAll } from "../../../src/run/keep/prune.ts";
import type { Tools } from "../../../src/run/conduct/tools.ts";
import { fillWithData, makeSandbox, type Sandbox } from "../sandbox.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const never = new AbortController().signal;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
});
afterEach(() => sandbox[Symbol.asyncDispose]());

/** The program's own tools, on a day of the past. */
async function toolsOf(daysAgo: number, retentionDays: number | undefined): Promise<Tools> {
  const silent = new PassThrough().resume();
  const env = retentionDays === undefined ? {} : { BACKUP_RETENTION_DAYS: String(retentionDays) };
  const world = { env: { ...sandbox.env, ...env }, stdout: silent, stderr: silent, signal: never };
  const tools = await assemble(world, "backup");
  const now = () => new Date(Date.now() - daysAgo * DAY_MS);
  return { ...tools, clock: { ...tools.clock, now } };
}

async function backUp(daysAgo: number, retentionDays?: number): Promise<string> {
  const report = await backup(await toolsOf(daysAgo, retentionDays), never);
  assert.equal(report.outcome, "succeeded", JSON.stringify(report));
  return report.backupId ?? "";
}

async function listed(): Promise<string[]> {
  const { stdout } = await sandbox.lifeboat(["list", "--json"]);
  return (JSON.parse(stdout) as { backups: { id: string }[] }).backups.map(({ id }) => id);
}

test("a run removes what is older than BACKUP_RETENTION_DAYS, and nothing else", async () => {
  await backUp(40);
  await backUp(31);
  const young = await backUp(29);
  const newest = await backUp(0, 30);
  assert.deepEqual(await listed(), [young, newest]);
  assert.equal((await sandbox.stored()).length, 6);
});

test("the newest good backup stays, however old it is, and a dry run removes nothing", async () => {
  const [older, newest] = [await backUp(90), await backUp(60)];
  const tools = await toolsOf(0, 30);
  const dry = await pruneAll(true, tools, never);
  assert.deepEqual(
    dry.prunings.flatMap(({ remove }) => remove.map(({ id }) => id)),
    [older],
  );
  assert.deepEqual(await listed(), [older, newest]);
  const done = await pruneAll(false, tools, never);
  assert.equal(done.report.exitCode, 0);
  assert.deepEqual(await listed(), [newest]);
});

test("prune --dry-run says what would go and why, how many that are, and that nothing did", async () => {
  const [older, newest] = [await backUp(90), await backUp(60)];
  const env = { BACKUP_RETENTION_DAYS: "30" };
  const { exitCode, stdout } = await sandbox.lifeboat(["prune", "--dry-run"], env);
  assert.equal(exitCode, 0);
  assert.match(stdout, new RegExp(`^  keep   ${newest}  newest good backup$`, "m"));
  assert.match(stdout, new RegExp(`^  remove ${older}  older than 30 days$`, "m"));
  assert.match(stdout, /^nothing was removed, as this was a dry run: 1 is due$/m);
  assert.equal((await sandbox.stored()).length, 6);
  assert.equal((await sandbox.lifeboat(["prune"], env)).exitCode, 0);
  const { stdout: after } = await sandbox.lifeboat(["prune", "--dry-run"], env);
  assert.match(after, /^nothing was removed, as this was a dry run: 0 are due$/m);
});

test("the backup of a restore in place that is not ended stays, and the run says why", async () => {
  const [wanted, older, newest] = [await backUp(90), await backUp(60), await backUp(0)];
  const env = { LIFEBOAT_FAILPOINT: "in-place:swapping:kill" };
  assert.equal((await sandbox.start(["restore", wanted, "--in-place", "--yes"], env)).signal, "SIGKILL");
  const { report, prunings } = await pruneAll(false, await toolsOf(0, 30), never);
  assert.equal(report.exitCode, 3);
  assert.match(report.warnings.join(), new RegExp(`a restore in place of backup ${wanted} is not ended`));
  const [{ keep = [], remove = [] } = {}] = prunings;
  assert.deepEqual(keep.find(({ id }) => id === wanted)?.reasons, ["its restore is not ended"]);
  assert.deepEqual(
    remove.map(({ id }) => id),
    [older],
  );
  assert.deepEqual(await listed(), [wanted, newest]);
});

test("files of other names in the target are never touched", async () => {
  await backUp(90);
  const other = await makeSandbox("other-stack");
  try {
    await fillWithData(other.data);
    const made = await other.lifeboat(["backup"], { BACKUP_ARCHIVE: sandbox.archive });
    assert.equal(made.exitCode, 0, made.stderr);
  } finally {
    await other[Symbol.asyncDispose]();
  }
  await backUp(0, 30);
  const names = (await sandbox.stored()).map((name) => name.replace(/-\d{8}T.*/, ""));
  assert.deepEqual(names, ["other-stack", "other-stack", "other-stack", "stack", "stack", "stack"]);
});

test("what a run that was cut off left without a receipt goes after a day", async () => {
  await sandbox.start(["backup"], { LIFEBOAT_FAILPOINT: "ship:index:kill" });
  assert.equal((await sandbox.stored()).length, 2);
  const soon = await pruneAll(false, await toolsOf(0, undefined), never);
  assert.equal(soon.report.exitCode, 0);
  assert.equal((await sandbox.stored()).length, 2);
  await pruneAll(false, await toolsOf(-2, undefined), never);
  assert.deepEqual(await sandbox.stored(), []);
});

test("receipts form a chain: each counts one up and names the digest of the one before", async () => {
  for (const daysAgo of [3, 2, 1]) await backUp(daysAgo);
  const names = (await sandbox.stored()).filter((name) => name.endsWith(".receipt.json"));
  const receipts = await Promise.all(names.map((name) => readFile(`${sandbox.archive}/${name}`)));
  const parsed = receipts.map((bytes) => JSON.parse(bytes.toString()) as { sequence: number; previous: string | null });
  assert.deepEqual(
    parsed.map(({ sequence }) => sequence),
    [1, 2, 3],
  );
  const digests = receipts.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
  assert.deepEqual(
    parsed.map(({ previous }) => previous),
    [null, digests[0], digests[1]],
  );
});
