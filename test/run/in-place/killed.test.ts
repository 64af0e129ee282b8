import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
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

test("SIGKILL at each step of a restore, then a start: all is old, or all is new", async (t) => {
  const sandbox = await makeMountedSandbox(t);
  await putMoment(sandbox.data, "new");
  const allNew = await pictureOf(sandbox.data);
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await putMoment(sandbox.data, "old");
  const allOld = await pictureOf(sandbox.data);

  for (const name of inPlaceFailpoints) {
    await t.test(name, async () => {
      await putMoment(sandbox.data, "old");
      await killAt(sandbox, name, RESTORE);
      await startAgain(sandbox);
      const isDone = inPlaceFailpoints.indexOf(name) >= inPlaceFailpoints.indexOf("in-place:swapped");
      assert.deepEqual(await pictureOf(sandbox.data), isDone ? allNew : allOld);
    });
  }
  for (const name of undoFailpoints) {
    await t.test(`${name}, on the way back`, async () => {
      await putMoment(sandbox.data, "old");
      await killAt(sandbox, "in-place:place-swapped", RESTORE);
      await killAt(sandbox, name, ["restore", "latest", "--in-place", "--dry-run"]);
      await startAgain(sandbox);
      assert.deepEqual(await pictureOf(sandbox.data), allOld);
    });
  }
  await t.test("a failure half way is undone by the run itself", async () => {
    await putMoment(sandbox.data, "old");
    for (const name of ["in-place:put-in-place", "in-place:file-written", "in-place:released"]) {
      const { exitCode, stdout } = await sandbox.lifeboat(RESTORE, { LIFEBOAT_FAILPOINT: `${name}:enospc` });
      assert.equal(exitCode, 1);
      assert.match(stdout, /rolled back; everything is as it was.*ENOSPC/);
      assert.deepEqual(await leftOvers(sandbox), []);
      assert.deepEqual(await pictureOf(sandbox.data), allOld);
    }
  });
  await t.test("and a whole run after all of that puts everything in place", async () => {
    const { exitCode, stderr } = await sandbox.lifeboat(RESTORE);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await pictureOf(sandbox.data), allNew);
    assert.deepEqual(await leftOvers(sandbox), []);
  });
});
