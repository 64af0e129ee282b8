import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { watchTargets, type TargetSeen } from "../../../src/run/daemon/watch-targets.ts";
import type { Mark } from "../../../src/run/conduct/state.ts";
import { systemClock, type Clock } from "../../../src/system/clock.ts";
import type { Log } from "../../../src/system/log.ts";
import { openLocalTarget } from "../../../src/targets/local.ts";
import type { Target } from "../../../src/targets/target.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "lifeboat-watch-"))));
afterEach(() => rm(folder, { recursive: true }));

/** Watches, doing `each` in the place of every wait; gives what was told and logged. */
async function watched(
  targets: readonly Target[],
  each: (wait: number, stop: () => void) => Promise<void> | void,
  missing: () => Mark | undefined = () => undefined,
) {
  const told: (readonly TargetSeen[])[] = [];
  const lines: string[] = [];
  const write = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const ending = new AbortController();
  let waits = 0;
  const clock: Clock = { ...systemClock, sleep: async () => await each(++waits, () => ending.abort()) };
  await watchTargets(
    { targets, clock, log },
    async () => missing(),
    (seen) => told.push(seen),
    ending.signal,
  );
  return { told, lines, waits };
}

test("targets that can be used are looked at once", async () => {
  const target = openLocalTarget({ folder });
  const { told, lines, waits } = await watched([target], () => assert.fail("waited"));
  assert.deepEqual({ told, lines, waits }, { told: [[{ name: folder }]], lines: [], waits: 0 });
});

test("one that cannot be used is told once, looked at again, and told when it can be", async () => {
  const [good, away] = [openLocalTarget({ folder }), openLocalTarget({ folder: join(folder, "away") })];
  const { told, lines } = await watched([good, away], async (wait) => {
    if (wait === 2) await mkdir(away.name);
  });
  const problem = `cannot store backups: folder '${away.name}' does not exist: ENOENT: no such file or directory, stat '${away.name}'`;
  const unusable = [{ name: good.name }, { name: away.name, problem }];
  assert.deepEqual(told, [unusable, unusable, [{ name: good.name }, { name: away.name }]]);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /^no backup can be put to a target .*Mount a volume there/);
  assert.match(lines[1] ?? "", /^target can be used again/);
});

test("one that a backup has vanished from is told once, looked at again, and told when it is back", async () => {
  const mark = { id: "0a1b2c3d", stem: "stack-20260102T030405Z-full", takenAt: "2026-01-02T03:04:05Z", sequence: 1 };
  let isBack = false;
  const again = (wait: number) => void (isBack = wait === 2);
  const { told, lines } = await watched([openLocalTarget({ folder })], again, () => (isBack ? undefined : mark));
  const missed = [{ name: folder, missing: mark }];
  assert.deepEqual(told, [missed, missed, [{ name: folder }]]);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /^backup '0a1b2c3d' \(stack-.*\) is no longer on '.*its disk is not mounted/);
  assert.match(lines[1] ?? "", /^nothing is missing any more/);
});

test("it ends when asked to, also in the middle of a look that hangs", async () => {
  const ending = new AbortController();
  const check = () => new Promise<void>(() => ending.abort(new Error("enough")));
  const log: Log = { debug() {}, info() {}, warn: () => assert.fail("warned"), error() {} };
  const targets = [{ ...openLocalTarget({ folder }), name: "mount", check }] as unknown as readonly Target[];
  const clock = { ...systemClock, sleep: async () => {} };
  const none = async () => undefined;
  await watchTargets({ targets, clock, log }, none, () => assert.fail("told"), ending.signal);
});
