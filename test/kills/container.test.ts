import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { engineSocket } from "../e2e/stack.ts";
import { dice } from "../plan/random.ts";
import { makeStack, obedient } from "../quiesce/stack.ts";
import { removalLabel } from "../servers/checkout.ts";
import { docker, run } from "../servers/programs.ts";
import { until } from "../until.ts";
import { momentOf, roundsOf } from "./at-random.ts";
import { generationOf, putGeneration } from "./generations.ts";

test("SIGKILL of the sidecar's container at any moment of a backup, then a start: the stack is as it was", async (t) => {
  const chance = dice();
  t.diagnostic(`seed ${chance.seed}`);
  const stack = await makeStack(t);
  await stack.add("db", obedient, { "lifeboat.hold": "stop", "lifeboat.hold.timeout": "5s" });
  await stack.add("app", obedient, { "lifeboat.hold": "pause" });
  const sidecar = `${stack.project}-sidecar`;
  t.after(() => docker("rm", "--force", "--volumes", sidecar));
  const { data, restored } = await startSidecar(sidecar, stack.project, stack.folder);
  await putGeneration(data, 0);
  const begunAtMs = performance.now();
  await lifeboat("backup");
  const lastingMs = performance.now() - begunAtMs;
  for (let round = 1; round <= roundsOf(2, 25); round++) {
    const afterMs = momentOf(lastingMs, chance);
    await t.test(`round ${round}, after ${afterMs} of ${Math.round(lastingMs)} ms`, async () => {
      await putGeneration(data, round);
      const begun = lifeboat("backup").catch(() => "killed");
      await delay(afterMs);
      await docker("kill", "--signal", "KILL", sidecar);
      await begun;
      const before = await timesStarted();
      await docker("start", sidecar);
      await until("the daemon has brought back what it found", async () => (await timesStarted()) > before);
      assert.deepEqual(await stack.status("db", "app"), ["running", "running"]);
      await lifeboat("restore", "latest", "--to", `/restored/${round}`);
      assert((await generationOf(join(restored, `${round}`))) >= 0);
    });
  }
  await lifeboat("backup");
  assert.match(await docker("exec", sidecar, "sh", "-c", "lifeboat verify all --read || test $? = 3"), /every byte/);

  function lifeboat(...args: string[]): Promise<string> {
    return docker("exec", sidecar, "lifeboat", ...args);
  }

  async function timesStarted(): Promise<number> {
    return (await logOf(sidecar)).split("daemon started").length;
  }
});

/** With the engine's socket; gives the folders on this side of its data and of what it restores. */
async function startSidecar(
  name: string,
  project: string,
  folder: string,
): Promise<{ data: string; restored: string }> {
  const [data, archive, restored] = [join(folder, "data"), join(folder, "archive"), join(folder, "restored")];
  for (const each of [data, archive, restored]) await mkdir(each);
  await writeFile(join(folder, "passphrase"), randomBytes(24).toString("base64"), { mode: 0o600 });
  const settings = {
    BACKUP_NAME: "killed",
    BACKUP_CRON_EXPRESSION: "0 0 1 1 *",
    BACKUP_DOCKER_PROJECT: project,
    GPG_PASSPHRASE_FILE: "/run/passphrase",
  };
  await docker(
    ...["run", "--detach", "--label", removalLabel, "--name", name, "--network", "none"],
    ...["--volume", `${data}:/backup:ro`, "--volume", `${archive}:/archive`, "--volume", `${restored}:/restored`],
    ...["--volume", `${folder}/passphrase:/run/passphrase:ro`, "--volume", "/var/lib/lifeboat"],
    ...["--volume", `${engineSocket}:/var/run/docker.sock`],
    ...Object.entries(settings).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    "lifeboat:dev",
  );
  await until("the daemon has started", async () => (await logOf(name)).includes("daemon started"));
  return { data, restored };
}

/** What it wrote to stderr, where logs go. */
async function logOf(container: string): Promise<string> {
  return await run("sh", ["-c", 'docker logs "$0" 2>&1', container]);
}
