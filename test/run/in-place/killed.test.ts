import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test, type TestContext } from "node:test";
import { inPlaceFailpoints, undoFailpoints } from "../../../src/run/in-place/failpoints.ts";
import type { Sandbox } from "../sandbox.ts";
import { makeMountedSandbox, pictureOf, putMoment } from "./mounted-sandbox.ts";

const RESTORE = ["restore", "latest", "--in-place", "--yes"];

/** The first thing every command that changes something does. */
async function startAgain(sandbox: Sandbox): Promise<void> {
  const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--in-place", "--dry-run"]);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(await leftOvers(sandbox), []);
}

async function leftOvers({ data, state }: Sandbox): Promise<readonly string[]> {
  const names = [...(await readdir(data, { recursive: true })), ...(await readdir(state, { recursive: true }))];
  return names.filter((name) => /\.lifeboat-|in-place/.test(name));
}

async function killAt(sandbox: Sandbox, name: string, args: readonly string[]): Promise<void> {
  const killed = await sandbox.start(args, { LIFEBOAT_FAILPOINT: `${name}:kill` });
  assert.equal(killed.signal, "SIGKILL", `the failpoint was not reached: ${String(killed.stderr)}`);
}

/** Sources that are all old, and a backup of the moment when they were all new. */
async function begin(t: TestContext): Promise<{ sandbox: Sandbox; allNew: Picture; allOld: Picture }> {
  const sandbox = await makeMountedSandbox(t);
  await putMoment(sandbox.data, "new");
  const allNew = await pictureOf(sandbox.data);
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await putMoment(sandbox.data, "old");
  return { sandbox, allNew, allOld: await pictureOf(sandbox.data) };
}

type Picture = readonly string[];

const swapped = inPlaceFailpoints.indexOf("in-place:swapped");

test("SIGKILL before all of the new data is in place, then a start: all is old", async (t) => {
  const { sandbox, allOld } = await begin(t);
  for (const name of inPlaceFailpoints.slice(0, swapped)) {
    await t.test(name, async () => {
      await killAt(sandbox, name, RESTORE);
      await startAgain(sandbox);
      assert.deepEqual(await pictureOf(sandbox.data), allOld);
    });
  }
});

test("SIGKILL after all of the new data is in place, then a start: all is new", async (t) => {
  const { sandbox, allNew } = await begin(t);
  for (const name of inPlaceFailpoints.slice(swapped)) {
    await t.test(name, async () => {
      await putMoment(sandbox.data, "old");
      await killAt(sandbox, name, RESTORE);
      await startAgain(sandbox);
      assert.deepEqual(await pictureOf(sandbox.data), allNew);
    });
  }
});

test("SIGKILL on the way back, then a start: all is old", async (t) => {
  const { sandbox, allOld } = await begin(t);
  for (const name of undoFailpoints) {
    await t.test(name, async () => {
      await killAt(sandbox, "in-place:place-swapped", RESTORE);
      await killAt(sandbox, name, ["restore", "latest", "--in-place", "--dry-run"]);
      await startAgain(sandbox);
      assert.deepEqual(await pictureOf(sandbox.data), allOld);
    });
  }
});

test("a failure half way is undone by the run itself, and the next run puts everything in place", async (t) => {
  const { sandbox, allNew, allOld } = await begin(t);
  for (const name of ["in-place:put-in-place", "in-place:file-written", "in-place:released"]) {
    const { exitCode, stdout } = await sandbox.lifeboat(RESTORE, { LIFEBOAT_FAILPOINT: `${name}:enospc` });
    assert.equal(exitCode, 1);
    assert.match(stdout, /rolled back; everything is as it was.*ENOSPC/);
    assert.deepEqual(await leftOvers(sandbox), []);
    assert.deepEqual(await pictureOf(sandbox.data), allOld);
  }
  const { exitCode, stderr } = await sandbox.lifeboat(RESTORE);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(await pictureOf(sandbox.data), allNew);
  assert.deepEqual(await leftOvers(sandbox), []);
});
