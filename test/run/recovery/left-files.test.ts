import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, afterEach, describe, test } from "node:test";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { openReaderSpool, removeLeftSpools } from "../../../src/run/conduct/spool.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { startAndEnd } from "../../kills/at-random.ts";
import { until } from "../../until.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const MARK = "in-clear-for-all-to-read";

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
  const database = new Database(join(sandbox.data, "app.db"));
  database.exec(`CREATE TABLE secrets (text TEXT); INSERT INTO secrets VALUES ('${MARK}')`);
  database.close();
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function done(...args: string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(args);
  assert.equal(exitCode, 0, stdout + stderr);
}

async function killedAt(failpoint: string, ...args: string[]): Promise<void> {
  const killed = await sandbox.start(args, { LIFEBOAT_FAILPOINT: `${failpoint}:kill` });
  assert.equal(killed.signal, "SIGKILL", String(killed.stderr));
}

/** Files outside the sources that hold what the database holds. */
async function inClear(): Promise<readonly string[]> {
  const found = await promisify(execFile)("grep", ["-rl", MARK, sandbox.folder]).catch(
    (error: { stdout: string }) => error,
  );
  return found.stdout.split("\n").filter((path) => path !== "" && !path.startsWith(sandbox.data));
}

describe("the copies in clear of a backup that was killed", () => {
  beforeEach(async () => {
    await killedAt("backup:copied", "backup");
    assert.notDeepEqual(await inClear(), []);
  });

  test("go when the daemon starts", async () => {
    await startAndEnd(sandbox, {});
    assert.deepEqual(await inClear(), []);
    assert.deepEqual(await readdir(join(sandbox.state, "spool")), []);
  });

  test("go with the next prune", async () => {
    await done("prune");
    assert.deepEqual(await inClear(), []);
  });

  test("go with the next restore", async () => {
    await done("backup");
    await killedAt("backup:copied", "backup");
    const to = join(sandbox.folder, "restored");
    await done("restore", "latest", "--to", to);
    assert.deepEqual(await inClear(), [join(to, "app.db")]);
  });
});

test("a daemon takes away at once what a command beside it left when it was killed, and tells of it", async () => {
  const daemon = sandbox.start([], { BACKUP_CRON_EXPRESSION: "0 0 1 1 *", LOG_FORMAT: "json" });
  let log = "";
  const reading = (async () => {
    for await (const text of daemon.stderr) log += text.toString();
  })();
  await until("the daemon has started", () => log.includes("daemon started"));
  await killedAt("backup:copied", "backup");
  await until("it is gone", async () => (await inClear()).length === 0);
  daemon.kill("SIGTERM");
  assert.equal((await daemon).exitCode, 0);
  await reading;
  assert.match(log, /files that a dead run had left were removed/);
});

describe("the quarantine of a restore that was killed", () => {
  const restored = () => join(sandbox.folder, "restored", "app");
  beforeEach(async () => {
    await done("backup");
    await mkdir(join(sandbox.folder, "restored"));
    await killedAt("restore:extracted", "restore", "latest", "--to", restored());
    assert.equal((await inClear()).length, 1);
  });

  test("goes when the daemon starts", async () => {
    await startAndEnd(sandbox, {});
    assert.deepEqual(await inClear(), []);
    assert.deepEqual(await readdir(join(sandbox.folder, "restored")), []);
  });

  test("stays known while its volume is not mounted, and goes with the next restore there", async () => {
    const [mounted, elsewhere] = [join(sandbox.folder, "restored"), join(sandbox.folder, "not-mounted")];
    await rename(mounted, elsewhere);
    await startAndEnd(sandbox, {});
    assert.equal((await inClear()).length, 1);
    await rename(elsewhere, mounted);
    await done("restore", "latest", "--to", restored());
    assert.deepEqual(await readdir(mounted), ["app"]);
    assert.deepEqual(await readdir(join(sandbox.state, "quarantines")), []);
  });
});

test("what a dead reader left goes after a minute; what a living one needs stays", async () => {
  const later = { ...systemClock, now: () => new Date(Date.now() + 120_000) };
  await using living = await openReaderSpool(sandbox.state);
  const dead = join(sandbox.state, "reading", "00000000");
  await mkdir(dead);
  assert.deepEqual(await removeLeftSpools(sandbox.state, systemClock), []);
  assert.deepEqual(await removeLeftSpools(sandbox.state, later), [dead]);
  assert.deepEqual(await readdir(join(sandbox.state, "reading")), [living.folder.split("/").at(-1)]);
  await rm(dead, { recursive: true, force: true });
});
