import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { cuttableEngine } from "../../quiesce/engine-proxy.ts";
import { engineHost, makeStack, obedient, type Stack } from "../../quiesce/stack.ts";
import { until } from "../../until.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const RESTORE = ["restore", "latest", "--in-place", "--yes"];
/** Takes a while to stop, and writes down that it was started, and that it is stopping. */
const slowToStop =
  'echo "$HOSTNAME" >>/data/starts; trap "echo stopping >>/data/starts; sleep 2; exit 0" TERM; while :; do sleep 1000 & wait; done';

interface Scene {
  readonly stack: Stack;
  readonly sandbox: Sandbox;
  /** Runs the program with the engine at this address. */
  readonly env: (host?: string) => Record<string, string>;
  readonly file: () => Promise<string>;
}

/** A container that writes to the data, which is "now", and a backup of when it was "then". */
async function begin(t: TestContext, script = obedient): Promise<Scene> {
  const [stack, sandbox] = [await makeStack(t), await makeSandbox()];
  t.after(() => sandbox[Symbol.asyncDispose]());
  await mkdir(join(sandbox.data, "app"));
  await writeFile(join(sandbox.data, "app", "file"), "then");
  const env = (host = engineHost) => ({
    ...{ DOCKER_HOST: host, BACKUP_DOCKER_PROJECT: stack.project, BACKUP_EXCLUDE: "starts", LOCK_TIMEOUT: "60s" },
  });
  const made = await sandbox.lifeboat(["backup"], { BACKUP_EXCLUDE: "starts" });
  assert.equal(made.exitCode, 0, made.stderr);
  await writeFile(join(sandbox.data, "app", "file"), "now");
  await addWriter({ stack, sandbox }, script);
  return { stack, sandbox, env, file: () => readFile(join(sandbox.data, "app", "file"), "utf8") };
}

function addWriter({ stack, sandbox }: Pick<Scene, "stack" | "sandbox">, script: string): Promise<string> {
  return stack.add("app", script, {}, { HostConfig: { Binds: [`${join(sandbox.data, "app")}:/data`] } });
}

/** What every command that changes something does first. */
async function startAgain({ sandbox, env }: Scene): Promise<void> {
  const { exitCode, stderr } = await sandbox.lifeboat([...RESTORE.slice(0, 3), "--dry-run"], env());
  assert.equal(exitCode, 0, stderr);
  await requireNothingLeft(sandbox);
}

async function requireNothingLeft({ data, state }: Sandbox): Promise<void> {
  const names = [...(await readdir(data, { recursive: true })), ...(await readdir(state, { recursive: true }))];
  assert.deepEqual(
    names.filter((name) => /\.lifeboat-|in-place|hold\.json/.test(name)),
    [],
  );
}

async function phaseOf({ state }: Sandbox): Promise<string | undefined> {
  // Not there yet, or no more.
  const text = await readFile(join(state, "in-place.json"), "utf8").catch(() => "{}");
  return (JSON.parse(text) as { phase?: string }).phase;
}

describe("a restore in place whose engine or containers are not what they were", { concurrency: 3 }, () => {
  test("an engine that goes away while a container stops, and comes back, is waited for", async (t) => {
    const scene = await begin(t, slowToStop);
    const { stack, sandbox, env } = scene;
    const socket = join(stack.folder, "docker.sock");
    const engine = await cuttableEngine(t, socket);
    const restoring = sandbox.start(RESTORE, env(`unix://${socket}`));
    const starts = join(sandbox.data, "app", "starts");
    await until("the container is stopping", async () => (await readFile(starts, "utf8")).includes("stopping"));
    await engine.cut();
    await until("it has stopped", async () => (await stack.status("app"))[0] === "exited");
    await engine.mend();
    const { exitCode, stderr } = await restoring;
    assert.equal(exitCode, 0, String(stderr));
    assert.equal(await scene.file(), "then");
    assert.deepEqual(await stack.status("app"), ["running"]);
    await requireNothingLeft(sandbox);
  });

  test("an engine that goes away when the data is swapped and stays away leaves it whole for the next start", async (t) => {
    const scene = await begin(t);
    const { stack, sandbox, env } = scene;
    const socket = join(stack.folder, "docker.sock");
    const engine = await cuttableEngine(t, socket);
    const restoring = sandbox.start(RESTORE, env(`unix://${socket}`));
    await until("the data is swapped", async () => (await phaseOf(sandbox)) === "swapped");
    await engine.cut();
    const { exitCode, stdout } = await restoring;
    assert.equal(exitCode, 1);
    assert.match(String(stdout), /the restore failed \(.*\), and so did its undoing[^]*next start of lifeboat goes on/);
    assert.match((await sandbox.lifeboat(["health"], env())).stdout, /the restore of backup [0-9a-f]{8} is not ended/);
    await startAgain(scene);
    assert.equal(await scene.file(), "then", "all is new, and the container is well on it");
    assert.deepEqual(await stack.status("app"), ["running"]);
  });

  for (const [point, content] of [
    ["in-place:put-in-place", "now"],
    ["in-place:swapped", "then"],
  ] as const) {
    test(`a container made anew after a kill at ${point} is stopped, and runs on what is put back`, async (t) => {
      const scene = await begin(t, slowToStop);
      const { stack, sandbox, env } = scene;
      const killed = await sandbox.start(RESTORE, { ...env(), LIFEBOAT_FAILPOINT: `${point}:kill` });
      assert.equal(killed.signal, "SIGKILL");
      assert.deepEqual(await stack.status("app"), ["exited"]);
      await stack.docker((d) => d.getContainer(stack.nameOf("app")).remove({ force: true }));
      const id = await addWriter(scene, slowToStop);
      await startAgain(scene);
      assert.equal(await scene.file(), content);
      const found = await stack.look("app");
      assert.deepEqual([found.Id, found.State.Status], [id, "running"]);
      const all = await stack.docker((d) =>
        d.listContainers({ all: true, filters: { label: [`lb-q=${stack.project}`] } }),
      );
      assert.equal(all.length, 1, "the old one is not beside it");
    });
  }
});
