import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dice } from "../plan/random.ts";
import { engineHost, makeStack, obedient } from "../quiesce/stack.ts";
import { makeSandbox } from "../run/sandbox.ts";
import { durationOf, killGroup, momentOf, roundsOf, startAndEnd } from "./at-random.ts";
import { generationOf, putGeneration } from "./generations.ts";

interface Listed {
  readonly backups: readonly { readonly id: string }[];
}

test("SIGKILL of a backup and its children at any moment: nothing lost, nothing left down, never a mixture", async (t) => {
  const chance = dice();
  t.diagnostic(`seed ${chance.seed}`);
  const stack = await makeStack(t);
  await stack.add("db", obedient, { "lifeboat.hold": "stop", "lifeboat.hold.timeout": "5s" });
  await stack.add("app", obedient, { "lifeboat.hold": "pause" });
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  const env = { DOCKER_HOST: engineHost, BACKUP_DOCKER_PROJECT: stack.project };
  await putGeneration(sandbox.data, 0);
  const lastingMs = await durationOf(sandbox, ["backup"], env);
  let listed = await idsOf();
  for (let round = 1; round <= roundsOf(3, 60); round++) {
    const afterMs = momentOf(lastingMs, chance);
    await t.test(`round ${round}, after ${afterMs} of ${Math.round(lastingMs)} ms`, async () => {
      await putGeneration(sandbox.data, round);
      await killGroup(sandbox, ["backup"], afterMs, env);
      await startAndEnd(sandbox, env);
      assert.deepEqual(await stack.status("db", "app"), ["running", "running"]);
      const now = await idsOf();
      assert.deepEqual(now.slice(0, listed.length), listed, "a backup is lost");
      const to = join(sandbox.folder, `restored-${round}`);
      const restored = await sandbox.lifeboat(["restore", "latest", "--to", to], env);
      assert.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
      const generation = await generationOf(to);
      if (now.length > listed.length) assert.equal(generation, round);
      listed = now;
    });
  }
  const last = await sandbox.lifeboat(["backup"], env);
  assert.equal(last.exitCode, 0, last.stdout + last.stderr);
  assert.deepEqual(await readdir(join(sandbox.state, "spool")), []);
  const verified = await sandbox.lifeboat(["verify", "all", "--read"], env);
  // 3: archives without a receipt, which are no backups and are told.
  assert([0, 3].includes(verified.exitCode ?? -1), verified.stdout + verified.stderr);

  /** Oldest first. */
  async function idsOf(): Promise<readonly string[]> {
    const { exitCode, stdout, stderr } = await sandbox.lifeboat(["list", "--json"], env);
    assert.equal(exitCode, 0, stdout + stderr);
    return (JSON.parse(stdout) as Listed).backups.map(({ id }) => id);
  }
});
