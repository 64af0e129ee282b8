import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { describe, test } from "node:test";
import { quiesceFailpoints } from "../../src/quiesce/failpoints.ts";
import { readHeldJournal } from "../../src/quiesce/journal.ts";
import { makeStack, never, obedient, stubborn, until, type Stack } from "./stack.ts";

const stop = { "lifeboat.hold": "stop", "lifeboat.hold.timeout": "1s" };

/** Runs holder.ts with the failpoint set; gives how it ended. */
async function runHolder(stack: Stack, failpoint: string): Promise<NodeJS.Signals | number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "holder.ts"), stack.stateFolder, stack.project], {
    env: { ...process.env, LIFEBOAT_FAILPOINT: failpoint },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code, signal] = (await once(child, "exit")) as [number, NodeJS.Signals | null];
  return signal ?? code;
}

// Each has a compose project of its own, and most of the time is waiting.
describe("after a crash", { concurrency: 4 }, () => {
  test("after SIGKILL at any step the next start puts everything back as it was", async (t) => {
    const stack = await makeStack(t);
    const maintenance = {
      "lifeboat.before.exec": "touch /tmp/maintenance; sleep 0.5; touch /tmp/finished",
      "lifeboat.after.exec": "rm -f /tmp/maintenance",
    };
    await stack.add("db", obedient, { ...stop, ...maintenance });
    await stack.add("web", obedient, { ...stop, "com.docker.compose.depends_on": "db:service_started:true" });
    await stack.add("cache", obedient, { "lifeboat.hold": "pause" });
    await stack.add("asleep", obedient, { "lifeboat.hold": "pause" });
    await stack.add("off", obedient, stop);
    await stack.docker((d) => d.getContainer(stack.nameOf("asleep")).pause());
    await stack.docker((d) => d.getContainer(stack.nameOf("off")).stop({ t: 1 }));
    for (const failpoint of quiesceFailpoints) {
      await t.test(failpoint, async () => {
        assert.equal(await runHolder(stack, `${failpoint}:kill`), "SIGKILL");
        const recovery = await stack.quiescer().recover();
        assert.deepEqual(recovery.failures, []);
        const services = ["db", "web", "cache", "asleep", "off"];
        assert.deepEqual(await stack.status(...services), ["running", "running", "running", "paused", "exited"]);
        assert.notEqual(await stack.run("db", "test -e /tmp/maintenance"), 0);
        assert.ok(!existsSync(join(stack.stateFolder, "hold.json")));
      });
    }
  });

  test("a command that a killed run left in a container is ended by the next start", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, { "lifeboat.before.exec": "echo $$ >/tmp/pid; sleep 4716" });
    const child = spawn(process.execPath, [join(import.meta.dirname, "holder.ts"), stack.stateFolder, stack.project]);
    await until(async () => ((await stack.run("db", "kill -0 $(cat /tmp/pid)")) === 0 ? true : undefined));
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(await stack.run("db", "kill -0 $(cat /tmp/pid)"), 0);
    assert.deepEqual((await stack.quiescer().recover()).failures, []);
    assert.notEqual(await stack.run("db", "kill -0 $(cat /tmp/pid)"), 0);
  });

  test("a stop that was under way when the run was killed is waited for, and then undone", async (t) => {
    const stack = await makeStack(t);
    const id = await stack.add("db", stubborn, { ...stop, "lifeboat.hold.timeout": "3s" });
    const child = spawn(process.execPath, [join(import.meta.dirname, "holder.ts"), stack.stateFolder, stack.project]);
    const events = await stack.docker((d) => d.getEvents({ filters: { container: [id], event: ["kill"] } }));
    await once(events, "data");
    (events as Readable).destroy();
    child.kill("SIGKILL");
    await once(child, "exit");
    const { StartedAt } = (await stack.look("db")).State;
    assert.deepEqual((await stack.quiescer().recover()).failures, []);
    const after = (await stack.look("db")).State;
    assert.ok(after.Running && after.StartedAt > StartedAt);
  });

  test("a container that was replaced while it was held is found again, and the old one is not started beside it", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, stop);
    await stack.add("web", obedient, stop);
    const hold = await stack.quiescer().hold(never);
    // As compose does it: the old one gets another name until the new one runs. Of web the old one is gone already.
    await stack.docker((d) => d.getContainer(stack.nameOf("db")).rename({ name: `${stack.project}-old` }));
    await stack.add("db", obedient, stop);
    await stack.docker((d) => d.getContainer(stack.nameOf("web")).remove());
    await stack.add("web", obedient, stop);
    assert.deepEqual([...(await hold.stillAtRest())].sort(), [stack.nameOf("db"), stack.nameOf("web")]);
    assert.deepEqual(await hold.release(), []);
    assert.deepEqual(await stack.status("db", "web"), ["running", "running"]);
    const old = await stack.docker((d) => d.getContainer(`${stack.project}-old`).inspect());
    assert.equal(old.State.Running, false);
  });

  test("a container that will not start is retried, told as left down and kept in the journal; the others come back", async (t) => {
    const stack = await makeStack(t);
    // Cannot start without its network, which is taken away while it is held.
    const network = await stack.docker((d) => d.createNetwork({ Name: stack.project }));
    t.after(() => network.remove().catch(() => {}));
    await stack.add("db", obedient, stop, { HostConfig: { NetworkMode: stack.project } });
    await stack.add("web", obedient, { ...stop, "com.docker.compose.depends_on": "db:service_started:true" });
    const quiescer = stack.quiescer({ limits: { comeBackMs: 1000 } });
    const hold = await quiescer.hold(never);
    await stack.docker(() => network.remove());
    const failures = await hold.release();
    assert.deepEqual(
      failures.map(({ container, kind }) => [container, kind]),
      [[stack.nameOf("db"), "left-down"]],
    );
    assert.deepEqual(await stack.status("db", "web"), ["exited", "running"]);
    assert.deepEqual(await readHeldJournal(stack.stateFolder), [stack.nameOf("db")]);

    const again = await quiescer.hold(never);
    assert.match(again.warnings.join(), /db-1' was not brought back/);
    assert.deepEqual(again.held, [stack.nameOf("web")]);
    assert.equal((await again.release()).length, 1);
  });

  test("a container that ends again soon after its start is not back", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", `test -e /once && { sleep 0.3; exit 7; }; touch /once; ${obedient}`, stop);
    const hold = await stack.quiescer({ limits: { comeBackMs: 1500 } }).hold(never);
    const [failure] = await hold.release();
    assert.equal(failure?.kind, "left-down");
    assert.match(String((failure?.error.cause as Error).message), /ended again with exit code 7/);
  });

  test("a container that was removed is told once as left down", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, stop);
    const hold = await stack.quiescer({ limits: { comeBackMs: 600 } }).hold(never);
    await stack.docker((d) => d.getContainer(stack.nameOf("db")).remove());
    const failures = await hold.release();
    assert.deepEqual(
      failures.map(({ kind }) => kind),
      ["left-down"],
    );
    assert.deepEqual(await readHeldJournal(stack.stateFolder), []);
  });

  test("a container that came back by itself is left to run", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, stop);
    await stack.quiescer().hold(never);
    await stack.docker((d) => d.getContainer(stack.nameOf("db")).start());
    const { StartedAt } = (await stack.look("db")).State;
    const recovery = await stack.quiescer().recover();
    assert.deepEqual([recovery.broughtBack, recovery.failures], [[stack.nameOf("db")], []]);
    assert.equal((await stack.look("db")).State.StartedAt, StartedAt);
  });

  test("without a Docker socket what an earlier run held is told as left down", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, stop);
    const hold = await stack.quiescer().hold(never);
    const { failures } = await stack.quiescer({ docker: undefined }).recover();
    assert.deepEqual(
      failures.map(({ container, kind }) => [container, kind]),
      [[stack.nameOf("db"), "left-down"]],
    );
    await hold.release();
  });

  test("a journal that is damaged, or of another version, stops the start with what to do", async (t) => {
    const stack = await makeStack(t);
    const path = join(stack.stateFolder, "hold.json");
    await mkdir(stack.stateFolder);
    for (const [content, reason] of [
      ['{"version":2,"containers":[]}', /another version of lifeboat \(format 2/],
      ["{", /is not JSON/],
      ['{"version":1,"containers":[{"id":7}],"hooks":[]}', /is damaged/],
      ["null", /is damaged/],
    ] as const) {
      await writeFile(path, content);
      await assert.rejects(stack.quiescer().recover(), (error: Error & { hint: string }) => {
        assert.match(error.message, reason);
        assert.ok(error.message.includes(path) && error.hint.includes("docker start"));
        return true;
      });
      assert.equal(await readFile(path, "utf8"), content);
    }
  });
});
