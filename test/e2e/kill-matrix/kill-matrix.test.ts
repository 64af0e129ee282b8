import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { quiesceFailpoints } from "../../../src/quiesce/failpoints.ts";
import { backupFailpoints } from "../../../src/run/backup/backup.ts";
import { engineHost, makeStack, obedient, type Stack } from "../../quiesce/stack.ts";
import { startAndEnd } from "../../kills/at-random.ts";
import { fillWithData, makeSandbox } from "../../run/sandbox.ts";
import { until } from "../../until.ts";

const services = ["db", "app", "worker", "idle"];
const asFound = ["running", "running", "running", "exited"];

/** A stack whose application is stopped before its database, a worker that is paused, and one that does not run. */
async function startStack(t: TestContext): Promise<Stack> {
  const stack = await makeStack(t);
  const stop = { "lifeboat.hold": "stop", "lifeboat.hold.timeout": "5s" };
  await stack.add("db", obedient, stop);
  const hooks = { "lifeboat.before.exec": "touch /tmp/before", "lifeboat.after.exec": "rm /tmp/before" };
  await stack.add("app", obedient, { ...stop, ...hooks, "com.docker.compose.depends_on": "db:service_started:false" });
  await stack.add("worker", obedient, { "lifeboat.hold": "pause" });
  await stack.add("idle", "exit 0", stop);
  await until("the idle one has ended", async () => (await stack.status("idle"))[0] === "exited");
  return stack;
}

test("SIGKILL at each step of a run, then a start: the stack is as it was, and every listed backup opens", async (t) => {
  const stack = await startStack(t);
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await fillWithData(sandbox.data);
  const env = { DOCKER_HOST: engineHost, BACKUP_DOCKER_PROJECT: stack.project };
  for (const name of [...backupFailpoints, ...quiesceFailpoints]) {
    await t.test(name, async () => {
      const killed = await sandbox.start(["backup"], { ...env, LIFEBOAT_FAILPOINT: `${name}:kill` });
      assert.equal(killed.signal, "SIGKILL", `the failpoint was not reached: ${String(killed.stderr)}`);
      await startAndEnd(sandbox, env);
      assert.deepEqual(await stack.status(...services), asFound);
    });
  }
  await t.test("every backup that any of them left on the list opens to the last byte", async () => {
    const verified = await sandbox.lifeboat(["verify", "all", "--read"], env);
    // 3: archives without a receipt, which are no backups and are told.
    assert([0, 3].includes(verified.exitCode ?? -1), verified.stdout + verified.stderr);
    assert.match(verified.stdout, /every byte is what was sealed/);
  });
  await t.test("and a whole run after all of that is good and restores", async () => {
    const made = await sandbox.lifeboat(["backup"], env);
    assert.equal(made.exitCode, 0, made.stderr);
    assert.deepEqual(await stack.status(...services), asFound);
    const to = join(sandbox.folder, "restored");
    assert.equal((await sandbox.lifeboat(["restore", "latest", "--to", to], env)).exitCode, 0);
  });
});
