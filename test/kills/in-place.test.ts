import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { test } from "node:test";
import { dice } from "../plan/random.ts";
import { makeMountedSandbox, pictureOf, putMoment } from "../run/in-place/mounted-sandbox.ts";
import { durationOf, killGroup, momentOf, roundsOf } from "./at-random.ts";

const RESTORE = ["restore", "latest", "--in-place", "--yes"];

test("SIGKILL of a restore in place and its children at any moment, then a start: all is old, or all is new", async (t) => {
  const chance = dice();
  t.diagnostic(`seed ${chance.seed}`);
  const sandbox = await makeMountedSandbox(t);
  await putMoment(sandbox.data, "new");
  const allNew = await pictureOf(sandbox.data);
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  await putMoment(sandbox.data, "old");
  const allOld = await pictureOf(sandbox.data);
  const lastingMs = await durationOf(sandbox, RESTORE);
  for (let round = 1; round <= roundsOf(3, 20); round++) {
    const afterMs = momentOf(lastingMs, chance);
    await t.test(`round ${round}, after ${afterMs} of ${Math.round(lastingMs)} ms`, async () => {
      await putMoment(sandbox.data, "old");
      const killed = await killGroup(sandbox, RESTORE, afterMs);
      const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--in-place", "--dry-run"]);
      assert.equal(exitCode, 0, stderr);
      const found = await pictureOf(sandbox.data);
      if (killed && isDeepStrictEqual(found, allOld)) return;
      assert.deepEqual(found, allNew);
    });
  }
});
