import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readHeldJournal } from "../../src/quiesce/journal.ts";
import { connectDocker } from "../../src/system/docker.ts";
import { cuttableEngine, filteringEngine } from "./engine-proxy.ts";
import { diary, makeStack, never, obedient, stubborn, until } from "./stack.ts";

const stop = { "lifeboat.hold": "stop", "lifeboat.hold.timeout": "1s" };

// Each has a compose project of its own, and most of the time is waiting.
describe("an engine that is away or refuses", { concurrency: 4 }, () => {
  test("an engine that goes away while containers are at rest is waited for at release", async (t) => {
    const stack = await makeStack(t);
    const socket = join(stack.folder, "docker.sock");
    const engine = await cuttableEngine(t, socket);
    await stack.add("db", obedient, stop);
    await stack.add("web", obedient, { "lifeboat.hold": "pause" });
    const log = diary();
    const hold = await stack.quiescer({ docker: connectDocker(`unix://${socket}`), log }).hold(never);
    await engine.cut();
    const releasing = hold.release();
    await until(async () => (log.lines.some((line) => line.includes("not back yet")) ? true : undefined));
    assert.equal((await readHeldJournal(stack.stateFolder)).length, 2);
    await engine.mend();
    assert.deepEqual(await releasing, []);
    assert.deepEqual(await stack.status("db", "web"), ["running", "running"]);
  });

  test("an engine that stays away leaves the journal for the next start, and vouches for nothing", async (t) => {
    const stack = await makeStack(t);
    const socket = join(stack.folder, "docker.sock");
    const engine = await cuttableEngine(t, socket);
    await stack.add("db", obedient, stop);
    const limits = { comeBackMs: 1000, engineMs: 500 };
    const hold = await stack.quiescer({ docker: connectDocker(`unix://${socket}`), limits }).hold(never);
    await engine.cut();
    assert.deepEqual(await hold.stillAtRest(), [stack.nameOf("db")]);
    const [failure] = await hold.release();
    assert.equal(failure?.kind, "left-down");
    assert.deepEqual(await readHeldJournal(stack.stateFolder), [stack.nameOf("db")]);
    assert.deepEqual((await stack.quiescer().recover()).broughtBack, [stack.nameOf("db")]);
    assert.deepEqual(await stack.status("db"), ["running"]);
  });

  test("an engine that goes away in the middle of a stop is waited for, and the hold is made", async (t) => {
    const stack = await makeStack(t);
    const socket = join(stack.folder, "docker.sock");
    const engine = await cuttableEngine(t, socket);
    await stack.add("db", stubborn, { ...stop, "lifeboat.hold.timeout": "2s" });
    const holding = stack.quiescer({ docker: connectDocker(`unix://${socket}`) }).hold(never);
    await until(async () => ((await readHeldJournal(stack.stateFolder)).length > 0 ? true : undefined));
    await engine.cut();
    await engine.mend();
    const hold = await holding;
    assert.deepEqual(hold.held, [stack.nameOf("db")]);
    assert.deepEqual(await hold.release(), []);
  });

  test("a half-done hold is undone when the engine refuses the rest", async (t) => {
    const stack = await makeStack(t);
    const socket = join(stack.folder, "docker.sock");
    const db = await stack.add("db", obedient, stop);
    await stack.add("web", obedient, { ...stop, "com.docker.compose.depends_on": "db:service_started:true" });
    await filteringEngine(t, socket, new RegExp(`^POST /containers/${db}/stop`));
    await assert.rejects(
      stack.quiescer({ docker: connectDocker(`unix://${socket}`) }).hold(never),
      /cannot stop container '.*db-1': .*\(403\)/,
    );
    assert.deepEqual(await stack.status("db", "web"), ["running", "running"]);
    assert.deepEqual(await readHeldJournal(stack.stateFolder), []);
  });

  test("a socket proxy that forbids what the labels need is found out before anything is touched", async (t) => {
    const stack = await makeStack(t);
    const socket = join(stack.folder, "docker.sock");
    await stack.add("db", obedient, { ...stop, "lifeboat.before.exec": "touch /touched" });
    await filteringEngine(t, socket, /^POST (\/containers\/[^/]+\/(start|exec)|\/exec)/);
    await assert.rejects(
      stack.quiescer({ docker: connectDocker(`unix://${socket}`) }).hold(never),
      (error: Error & { hint: string }) => {
        const nobody = "lifeboat-asks-whether-it-may";
        for (const path of [`/containers/${nobody}/start`, `/containers/${nobody}/exec`, `/exec/${nobody}/start`])
          assert.ok(error.message.includes(`'POST ${path}'`), error.message);
        assert.match(error.hint, /without a version \(\/v1\.xx\) before the path/);
        assert.doesNotMatch(error.message, /'stop'/);
        assert.match(error.hint, /socket proxy/);
        return true;
      },
    );
    assert.deepEqual(await stack.status("db"), ["running"]);
    assert.notEqual(await stack.run("db", "test -e /touched"), 0);
  });

  test("no engine at all is an error that names the socket and what to mount", async (t) => {
    const stack = await makeStack(t);
    const docker = connectDocker(`unix://${stack.folder}/none.sock`);
    await assert.rejects(
      stack.quiescer({ docker, limits: { engineMs: 100 } }).hold(never),
      (error: Error & { hint: string }) => {
        assert.match(error.message, /no Docker engine answers at 'unix:\/\/.*none.sock'/);
        assert.match(error.hint, /Mount the engine's socket/);
        return true;
      },
    );
  });
});
