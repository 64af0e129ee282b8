import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { mountSmallDisk } from "../../targets/small-disk.ts";
import { until } from "../../until.ts";
import { fillWithData, makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
});
afterEach(() => sandbox[Symbol.asyncDispose]());

const never = { BACKUP_CRON_EXPRESSION: "0 0 1 1 *" };
const receipts = async () => (await sandbox.stored()).filter((name) => name.endsWith(".receipt.json")).length;
const daemonState = async () =>
  JSON.parse(await readFile(join(sandbox.state, "daemon.json"), "utf8")) as { skippedOverlaps: number };

/** Puts these years back. */
async function forget(facts: readonly ("lastRunAt" | "lastGood")[]): Promise<void> {
  const path = join(sandbox.state, "state.json");
  const state = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  const longAgo = "2020-01-01T00:00:00.000Z";
  const old = { lastRunAt: longAgo, lastGood: { id: "0123456789abcdef", takenAt: longAgo } };
  await writeFile(path, JSON.stringify({ ...state, ...Object.fromEntries(facts.map((fact) => [fact, old[fact]])) }));
}

test("backups are made on schedule, and SIGTERM ends an idle daemon with exit code 0", async () => {
  const daemon = sandbox.start([], { BACKUP_CRON_EXPRESSION: "* * * * * *" });
  await until("two scheduled backups are there", async () => (await receipts()) >= 2);
  await until("no run is under way", async () => (await sandbox.lifeboat(["verify"])).exitCode === 0);
  daemon.kill("SIGTERM");
  const { exitCode } = await daemon;
  assert([0, 143].includes(exitCode ?? -1), `exit code ${exitCode}`); // A new run may have begun meanwhile.
});

test("an idle daemon ends at once, with exit code 0", async () => {
  const daemon = sandbox.start([], never);
  await until("the daemon is up", () => daemonState().catch(() => undefined));
  daemon.kill("SIGTERM");
  assert.equal((await daemon).exitCode, 0);
});

test("a firing while a run is under way is skipped and counted, and SIGTERM ends the run in order", async () => {
  const daemon = sandbox.start([], {
    BACKUP_CRON_EXPRESSION: "* * * * * *",
    LIFEBOAT_FAILPOINT: "backup:sealed:hang",
  });
  await until("two firings were skipped", async () => {
    const state = await daemonState().catch(() => undefined);
    return state !== undefined && state.skippedOverlaps >= 2;
  });
  daemon.kill("SIGTERM");
  assert.equal((await daemon).exitCode, 143);
  assert.equal(await receipts(), 0);
});

test("the log says at start what would be saved and what not, and warns of what would degrade it", async () => {
  await mkdir(join(sandbox.data, "pg", "global"), { recursive: true });
  for (const name of ["PG_VERSION", "global/pg_control", "postmaster.pid"]) {
    await writeFile(join(sandbox.data, "pg", name), "x");
  }
  const daemon = sandbox.start([], never);
  let log = "";
  for await (const part of daemon.stderr) {
    log += part.toString();
    if (log.includes("would be degraded")) daemon.kill("SIGTERM");
  }
  assert.equal((await daemon).exitCode, 0);
  assert.match(log, /INFO: next backup, saved: 7 files, .*; app: 5 files, .*; pg: 2 files, /);
  assert.match(log, /INFO: next backup, databases: SQLite 'app\/app\.db'/);
  assert.match(log, /INFO: next backup, not saved: what labels ask for: /);
  assert.match(log, /WARN: as it is now, a backup would be degraded: the data folder 'pg' of PostgreSQL is in use/);
});

test("a command beside the daemon leaves a line in the daemon's log", async () => {
  const daemon = sandbox.start([], never);
  await until("the daemon is up", () => daemonState().catch(() => undefined));
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  let log = "";
  for await (const part of daemon.stderr) {
    log += part.toString();
    if (log.includes("by hand")) daemon.kill("SIGTERM");
  }
  assert.match(log, /INFO: backup was run by hand, and succeeded id=[0-9a-f]{8} exitCode=0 tookMs=\d+$/m);
});

test("BACKUP_ON_START makes one run at start", async () => {
  const daemon = sandbox.start([], { ...never, BACKUP_ON_START: "true" });
  await until("one backup is there", async () => (await receipts()) === 1);
  await until("the run has ended", async () => (await sandbox.lifeboat(["verify"])).exitCode === 0);
  daemon.kill("SIGTERM");
  await daemon;
});

test("a missed run is caught up once at start, however many were missed", async () => {
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await forget(["lastRunAt", "lastGood"]);
  const first = sandbox.start([], never);
  await until("the missed run was made up for", async () => (await receipts()) === 2);
  // A receipt is there before it is proven, and taken back by a run that is interrupted then.
  await until("the run has ended", async () => (await sandbox.lifeboat(["verify"])).exitCode === 0);
  first.kill("SIGTERM");
  await first;
  const second = sandbox.start([], never);
  await until("the second daemon is up", async () => (await sandbox.lifeboat(["health"], never)).exitCode === 0);
  second.kill("SIGTERM");
  await second;
  assert.equal(await receipts(), 2);
});

test("a second daemon is refused, whatever the first does, and is told what to type instead", async () => {
  const first = sandbox.start([], never);
  await until("the daemon is up", () => daemonState().catch(() => undefined));
  const second = await sandbox.lifeboat([], never);
  assert.equal(second.exitCode, 11);
  assert.match(second.stderr, /^lifeboat: a daemon runs on '.*' already \(process \d+ on .*, since .*\)$/m);
  assert.match(second.stderr, /'lifeboat help' shows/);
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  first.kill("SIGTERM");
  assert.equal((await first).exitCode, 0);
});

test("a moment that has just been backed up is not backed up again", async () => {
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await forget(["lastRunAt"]);
  const daemon = sandbox.start([], never);
  let log = "";
  void (async () => {
    for await (const bytes of daemon.stderr) log += String(bytes);
  })();
  await until("the run has ended", () => log.includes("no backup is made"));
  assert.match(log, /'\w+' was taken at .+, after this one was due/);
  daemon.kill("SIGTERM");
  assert.equal((await daemon).exitCode, 0);
  assert.equal(await receipts(), 1);
});

test("health is red before the daemon has run, green while it runs, and red once it was killed for long", async () => {
  const health = async () => await sandbox.lifeboat(["health"], never);
  assert.match((await health()).stdout, /unhealthy\nthe daemon has never run here/);
  const daemon = sandbox.start([], never);
  await until("health is green", async () => (await health()).exitCode === 0);
  daemon.kill("SIGKILL");
  await daemon;
  const path = join(sandbox.state, "daemon.json");
  const state = await daemonState();
  await writeFile(path, JSON.stringify({ ...state, heartbeatAt: new Date(Date.now() - 600_000).toISOString() }));
  assert.match((await health()).stdout, /the scheduler has been silent for 6\d\d s/);
});

test("health is red when the newest good backup is older than the schedule allows", async () => {
  const hourly = { BACKUP_CRON_EXPRESSION: "0 * * * *" };
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  const daemon = sandbox.start([], hourly);
  await until("health is green", async () => (await sandbox.lifeboat(["health"], hourly)).exitCode === 0);
  const path = join(sandbox.state, "state.json");
  const state = JSON.parse(await readFile(path, "utf8")) as { lastGood: { id: string } };
  const lastGood = { ...state.lastGood, takenAt: "2020-01-01T00:00:00.000Z" };
  await writeFile(path, JSON.stringify({ ...state, lastGood }));
  const { exitCode, stdout } = await sandbox.lifeboat(["health"], hourly);
  assert.equal(exitCode, 1);
  assert.match(stdout, /the newest good backup is of 2020-01-01/);
  daemon.kill("SIGTERM");
  await daemon;
});

test("a target that cannot be used is told at start, in the log and by health, and the daemon goes on", async () => {
  const fence = (word: string) => `-----${word} OPENSSH PRIVATE KEY-----`;
  const off = {
    RSYNC_DESTINATION: "backup@127.0.0.1:/backups",
    RSYNC_PORT: "1", // Nobody listens there.
    RSYNC_SSH_KEY: `${fence("BEGIN")}\nbm9uZQ==\n${fence("END")}\n`,
    RSYNC_KNOWN_HOSTS: "[127.0.0.1]:1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
  };
  const daemon = sandbox.start([], { ...never, ...off });
  await until("health tells of the target", async () => {
    const { exitCode, stdout } = await sandbox.lifeboat(["health"], { ...never, ...off });
    return exitCode === 0 && /target 'backup@127.0.0.1:\/backups' cannot be used: .*cannot be reached/.test(stdout);
  });
  daemon.kill("SIGTERM");
  const { exitCode, stderr } = await daemon;
  assert.equal(exitCode, 0);
  assert.match(String(stderr), /no backup can be put to a target target=backup@127.0.0.1:\/backups .*RSYNC_PORT right/);
});

test("health is red when none of the targets can be used", async () => {
  await using disk = await mountSmallDisk(sandbox.folder, "1m");
  await disk.makeReadOnly();
  const full = { ...never, BACKUP_ARCHIVE: disk.folder };
  const daemon = sandbox.start([], full);
  const { stdout } = await until("health tells of the target", async () => {
    const found = await sandbox.lifeboat(["health"], full);
    return found.stdout.includes("cannot be used") ? found : undefined;
  });
  assert.match(stdout, /^unhealthy\ntarget '.*' cannot be used: cannot store backups: '.*' is mounted read-only/);
  daemon.kill("SIGTERM");
  assert.equal((await daemon).exitCode, 0);
});
