import assert from "node:assert/strict";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { until } from "../../until.ts";
import { fillWithData, makeSandbox, type Ended, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
let ids: readonly string[];
const never = { BACKUP_CRON_EXPRESSION: "0 0 1 1 *" };
const aside = () => join(sandbox.folder, "aside");

before(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
  ids = [await backUp(0), await backUp(0)];
  await mkdir(aside());
});
after(() => sandbox[Symbol.asyncDispose]());

async function backUp(exitCode: number): Promise<string> {
  const { stdout } = await ends(exitCode, ["backup", "--json"]);
  return (JSON.parse(stdout) as { backupId: string }).backupId;
}

async function ends(exitCode: number, args: readonly string[], env?: Record<string, string>): Promise<Ended> {
  const ended = await sandbox.lifeboat(args, env);
  assert.equal(ended.exitCode, exitCode, `${args[0]}: ${ended.stdout}\n${ended.stderr}`);
  return ended;
}

async function stemOf(id: string): Promise<string> {
  for (const name of (await sandbox.stored()).filter((each) => each.endsWith(".receipt.json"))) {
    if ((await readFile(join(sandbox.archive, name), "utf8")).includes(`"id":"${id}"`)) return name.split(".")[0] ?? "";
  }
  return assert.fail(id);
}

/** Takes a backup's files away, and brings them back. */
async function without(id: string, use: () => Promise<void>): Promise<void> {
  const stem = await stemOf(id);
  const names = (await sandbox.stored()).filter((name) => name.startsWith(stem));
  for (const name of names) await rename(join(sandbox.archive, name), join(aside(), name));
  try {
    await use();
  } finally {
    for (const name of names) await rename(join(aside(), name), join(sandbox.archive, name));
  }
}

test("the newest that was removed is missed by list, verify and restore latest, which says what it takes instead", async () => {
  const [older = "", newest = ""] = ids;
  await without(newest, async () => {
    const missed = new RegExp(
      `backup '${newest}' \\(stack-.*\\) is no longer on '${sandbox.archive}'.*--accept-missing`,
    );
    assert.match((await ends(3, ["list"])).stdout, missed);
    assert.match((await ends(3, ["verify"])).stdout, missed);
    const to = join(sandbox.folder, "restored");
    const { stdout } = await ends(3, ["restore", "latest", "--to", to]);
    assert.match(stdout, new RegExp(`'${newest}' of .* is on no target any more; this is '${older}'`));
    await ends(0, ["restore", older, "--to", `${to}-by-id`]);
  });
  await ends(0, ["list"]);
  await ends(0, ["verify"]);
});

test("a daemon that starts beside an emptied folder is unhealthy, and a run tells, ships, and goes on telling", async () => {
  const full = `${sandbox.archive}-full`;
  await rename(sandbox.archive, full);
  await mkdir(sandbox.archive);
  const daemon = sandbox.start([], never);
  await until("health is red", async () => /is no longer on/.test((await sandbox.lifeboat(["health"], never)).stdout));
  daemon.kill("SIGTERM");
  assert.match(String((await daemon).stderr), /WARN: backup '.*' .*is no longer on/);
  assert.match((await ends(3, ["list"])).stdout, /no backups\nwarning: backup/);
  for (const args of [["restore", "latest", "--to", "/nonexistent/x"], ["verify"]]) {
    const { stdout } = await ends(10, args);
    assert.match(stdout, /there is no backup any more: '.*' of .* was there\n.*Is the disk mounted/);
  }
  const [first, second] = [await backUp(3), await backUp(3)];
  assert.match((await ends(1, ["health"])).stdout, new RegExp(`backup '${ids[1]}' .* is no longer on`));

  // The operator says that it is gone for good.
  const { stdout } = await ends(0, ["verify", "--accept-missing"]);
  assert.match(stdout, new RegExp(`backup '${ids[1]}' .* is no longer expected on`));
  assert.doesNotMatch((await sandbox.lifeboat(["health"], never)).stdout, /no longer on/);
  ids = [first, second, await backUp(0)];
  await rm(full, { recursive: true });
});

test("what is back is missed no more", async () => {
  const newest = ids.at(-1) ?? "";
  await without(newest, async () => void (await backUp(3)));
  await ends(0, ["verify"]);
  assert.doesNotMatch((await sandbox.lifeboat(["health"], never)).stdout, /no longer on/);
});

test("an older one that is gone is nobody's to miss, and neither is what had another name", async () => {
  await ends(0, ["list"], { BACKUP_NAME: "other" });
  const stem = await stemOf(ids[0] ?? "");
  for (const name of (await sandbox.stored()).filter((each) => each.startsWith(stem))) {
    await rm(join(sandbox.archive, name));
  }
  await ends(0, ["list"]);
});

test("on an empty place that is accepted, nothing is missed", async () => {
  for (const name of await sandbox.stored()) await rm(join(sandbox.archive, name));
  await ends(3, ["list"]);
  await ends(0, ["verify", "--accept-missing"]);
  assert.match((await ends(0, ["list"])).stdout, /no backups yet/);
  await backUp(0);
});
