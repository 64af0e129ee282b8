import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import type { LifeboatError } from "../../src/errors.ts";
import { systemClock } from "../../src/system/clock.ts";
import { acquireLock, becomeDaemon, isLocked } from "../../src/system/lock.ts";

let folder: string;
before(async () => (folder = await mkdtemp(join(tmpdir(), "lifeboat-lock-"))));
after(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;
const take = (timeoutMs: number, signal = never) => acquireLock(folder, "backup", timeoutMs, systemClock, signal);

test("a second run waits, then is told who has the lock", async () => {
  using _lock = await take(0);
  assert.equal(isLocked(folder), true);
  await assert.rejects(take(300), (error: LifeboatError) => {
    assert.equal(error.kind, "locked");
    assert.match(error.message, new RegExp(`locked by 'backup' \\(process ${process.pid} `));
    return true;
  });
});

test("a released lock is taken at once by whoever waits", async () => {
  const first = await take(0);
  const second = take(10_000);
  first.release();
  (await second).release();
  assert.equal(isLocked(folder), false);
});

test("waiting for the lock ends when the run is interrupted", async () => {
  using _lock = await take(0);
  const stop = new AbortController();
  const waiting = take(60_000, stop.signal);
  stop.abort(new Error("interrupted"));
  await assert.rejects(waiting, /interrupted/);
});

test("there is one daemon, which keeps no run from the lock, and the second is told who it is", async () => {
  using daemon = becomeDaemon(folder, systemClock);
  using _lock = await take(0);
  assert.throws(() => becomeDaemon(folder, systemClock), {
    kind: "locked",
    message: new RegExp(`^a daemon runs on '.*' already \\(process ${process.pid} on `),
    hint: /lifeboat help/,
  });
  daemon.release();
  becomeDaemon(folder, systemClock).release();
});

test("folder and files of the lock are for one user, whatever the umask", async () => {
  for (const umask of [0o000, 0o022, 0o777]) {
    const before = process.umask(umask);
    const state = join(folder, `umask-${umask}`);
    try {
      becomeDaemon(state, systemClock).release();
      (await acquireLock(state, "backup", 0, systemClock, never)).release();
    } finally {
      process.umask(before);
    }
    const modes = ["", "lock.db", "lock.json", "daemon-lock.db", "daemon-lock.json"].map(
      (name) => statSync(join(state, name)).mode & 0o777,
    );
    assert.deepEqual(modes, [0o700, 0o600, 0o600, 0o600, 0o600]);
  }
});

test("the lock of a process that was killed is free at once", { timeout: 20_000 }, async () => {
  const script = `
    import { acquireLock } from ${JSON.stringify(new URL("../../src/system/lock.ts", import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL("../../src/system/clock.ts", import.meta.url).href)};
    await acquireLock(${JSON.stringify(folder)}, "backup", 0, systemClock, new AbortController().signal);
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ["--input-type=module-typescript", "-e", script]);
  await once(other.stdout, "data");
  assert.equal(isLocked(folder), true);
  await assert.rejects(take(0), /locked/);
  other.kill("SIGKILL");
  await once(other, "exit");
  (await take(0)).release();
});
