import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connectDocker } from "../../src/system/docker.ts";
import { engineBehind } from "./engine-proxy.ts";
import { diary, makeStack, never, obedient, stubborn, until } from "./stack.ts";

const stop = { "lifeboat.hold": "stop" };
const pause = { "lifeboat.hold": "pause" };
const dependsOn = (...services: string[]) => ({
  "com.docker.compose.depends_on": services.map((service) => `${service}:service_started:false`).join(","),
});

// Each has a compose project of its own, and most of the time is waiting.
describe("holding and releasing by label", { concurrency: 4 }, () => {
  test("containers labelled stop and pause are at rest until they are released, the others run on", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, stop);
    await stack.add("web", obedient, pause);
    await stack.add("cache", obedient);
    const hold = await stack.quiescer().hold(never);
    assert.deepEqual([...hold.held].sort(), [stack.nameOf("db"), stack.nameOf("web")]);
    assert.deepEqual(await stack.status("db", "web", "cache"), ["exited", "paused", "running"]);
    assert.deepEqual(hold.warnings, []);
    assert.deepEqual(await hold.stillAtRest(), []);
    assert.ok(existsSync(join(stack.stateFolder, "hold.json")));
    assert.deepEqual(await hold.release(), []);
    assert.deepEqual(await hold.release(), []);
    assert.deepEqual(await stack.status("db", "web", "cache"), ["running", "running", "running"]);
    assert.ok(!existsSync(join(stack.stateFolder, "hold.json")));
  });

  test("a container that was paused or stopped before is left so", async (t) => {
    const stack = await makeStack(t);
    const names = ["paused-stop", "paused-pause", "stopped-stop", "stopped-pause"];
    for (const name of names) await stack.add(name, obedient, { "lifeboat.hold": name.split("-")[1] ?? "" });
    for (const name of names.slice(0, 2)) await stack.docker((d) => d.getContainer(stack.nameOf(name)).pause());
    for (const name of names.slice(2)) await stack.docker((d) => d.getContainer(stack.nameOf(name)).stop({ t: 1 }));
    const log = diary();
    const hold = await stack.quiescer({ log }).hold(never);
    assert.deepEqual(hold.held, []);
    assert.equal(log.lines.filter((line) => line.includes("already and is left so")).length, 4);
    assert.deepEqual(await hold.stillAtRest(), []);
    await hold.release();
    assert.deepEqual(await stack.status(...names), ["paused", "paused", "exited", "exited"]);
  });

  test("dependants go down first and come up last, across a container that nobody labelled", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, stop);
    await stack.add("app", obedient, dependsOn("db"));
    await stack.add("aaa-web", obedient, { ...stop, ...dependsOn("app") });
    const hold = await stack.quiescer().hold(never);
    assert.deepEqual(hold.held, [stack.nameOf("aaa-web"), stack.nameOf("db")]);
    assert.ok((await stack.look("aaa-web")).State.FinishedAt < (await stack.look("db")).State.FinishedAt);
    await hold.release();
    assert.ok((await stack.look("db")).State.StartedAt < (await stack.look("aaa-web")).State.StartedAt);
  });

  test("a dependant is started only when what it needs is healthy again, if it was before", async (t) => {
    const stack = await makeStack(t);
    const second = 1_000_000_000;
    const check = (command: string) => ({
      Healthcheck: { Test: ["CMD-SHELL", command], Interval: second, Timeout: second, Retries: 1 },
    });
    // Becomes healthy a second after each start.
    const slow = `rm -f /ready; (sleep 1; touch /ready) & ${obedient}`;
    await stack.add("db", slow, stop, check("test -e /ready"));
    await stack.add("sick", obedient, stop, check("exit 1"));
    await stack.add("web", obedient, { ...stop, ...dependsOn("db", "sick") });
    await until(async () => ((await stack.look("db")).State.Health?.Status === "healthy" ? true : undefined));
    await until(async () => ((await stack.look("sick")).State.Health?.Status === "unhealthy" ? true : undefined));
    const hold = await stack.quiescer().hold(never);
    assert.deepEqual(await hold.release(), []);
    const [db, web] = [await stack.look("db"), await stack.look("web")];
    assert.equal(db.State.Health?.Status, "healthy");
    const healthyAt = db.State.Health?.Log.find(
      (entry) => entry.ExitCode === 0 && Date.parse(entry.Start) > Date.parse(db.State.StartedAt),
    );
    assert.ok(healthyAt && Date.parse(healthyAt.Start) < Date.parse(web.State.StartedAt));
  });

  test("a container of which the engine does not know yet whether it is healthy is back, and keeps nobody down", async (t) => {
    const stack = await makeStack(t);
    const second = 1_000_000_000;
    const more = {
      Healthcheck: {
        Test: ["CMD-SHELL", "test ! -e /again"],
        ...{ Interval: 2 * second, Timeout: 2 * second, StartPeriod: 60 * second, Retries: 3 },
      },
    };
    // Healthy after its first start; after the next it is "starting" for all of its start period.
    await stack.add("app", `[ ! -e /once ] || touch /again; touch /once; ${obedient}`, stop, more);
    await stack.add("paused", obedient, pause, more);
    await stack.add("web", obedient, { ...stop, ...dependsOn("app", "paused") });
    const healthOf = async (service: string) => (await stack.look(service)).State.Health?.Status;
    for (const service of ["app", "paused"])
      await until(async () => ((await healthOf(service)) === "healthy" ? true : undefined));
    const limits = { healthMs: 4_000, unhealthyMs: 0, comeBackRounds: 1, lateProbeMs: 1_000, startProbesMs: 100 };
    const hold = await stack.quiescer({ limits }).hold(never);
    assert.deepEqual(await hold.release(), []);
    assert.deepEqual(await stack.status("app", "paused", "web"), ["running", "running", "running"]);
    const [app, web] = [await stack.look("app"), await stack.look("web")];
    assert.equal(app.State.Health?.Status, "starting");
    const waitedMs = Date.parse(web.State.StartedAt) - Date.parse(app.State.StartedAt);
    assert.ok(waitedMs < limits.healthMs, `its dependant waited ${waitedMs} ms`);
    const atRestMs = hold.atRestMs();
    assert.ok(atRestMs > 0 && atRestMs < 30_000);
    assert.equal(hold.atRestMs(), atRestMs, "it counts no further once all are back");
  });

  test("a container that has to be killed is a warning that the copy is crash-consistent", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", stubborn, { ...stop, "lifeboat.hold.timeout": "1s" });
    const hold = await stack.quiescer().hold(never);
    assert.match(hold.warnings.join(), /'lb-q-\w+-db-1' was killed.* 1 s.*crash-consistent/);
    assert.deepEqual(await hold.release(), []);
    assert.deepEqual(await stack.status("db"), ["running"]);
  });

  test("what lives in the network of a stopped container is restarted around it, labelled or not", async (t) => {
    const stack = await makeStack(t);
    const ircd = await stack.add("ircd", obedient, stop, { HostConfig: { NetworkMode: "bridge" } });
    await stack.add("atheme", obedient, {}, { HostConfig: { NetworkMode: `container:${ircd}` } });
    await stack.add("bot", obedient, pause, { HostConfig: { NetworkMode: `container:${stack.nameOf("ircd")}` } });
    const log = diary();
    const hold = await stack.quiescer({ log }).hold(never);
    assert.deepEqual(hold.held.at(-1), stack.nameOf("ircd"));
    assert.deepEqual(await stack.status("ircd", "atheme", "bot"), ["exited", "exited", "exited"]);
    assert.match(log.lines.join("\n"), /atheme-1' lives in a namespace of .*ircd-1'/);
    assert.deepEqual(await hold.release(), []);
    assert.deepEqual(await stack.status("ircd", "atheme", "bot"), ["running", "running", "running"]);
    assert.equal(await stack.run("atheme", "grep -q eth0 /proc/net/dev"), 0);
  });

  test("a container that keeps crashing is brought to rest, and left to its restart policy after", async (t) => {
    const stack = await makeStack(t);
    await stack.add("looping", "sleep 0.1; exit 1", pause, { HostConfig: { RestartPolicy: { Name: "always" } } });
    await until(async () => ((await stack.look("looping")).State.Restarting ? true : undefined));
    const hold = await stack.quiescer().hold(never);
    const { State } = await stack.look("looping");
    assert.ok(State.Paused || (!State.Running && !State.Restarting), JSON.stringify(State));
    assert.deepEqual(await hold.stillAtRest(), []);
    assert.deepEqual(await hold.release(), []);
    await until(async () => ((await stack.look("looping")).State.Restarting ? true : undefined));
  });

  test("a container that ends between the look and its pause is at rest", async (t) => {
    const stack = await makeStack(t);
    await stack.add("fleeting", obedient, pause);
    const socket = join(stack.folder, "docker.sock");
    await engineBehind(t, socket, /^POST \/containers\/[^/]{64}\/pause/, (answer) => {
      const end = stack.docker((d) => d.getContainer(stack.nameOf("fleeting")).stop());
      void end.then(() => answer.writeHead(500).end('{"message":"cannot pause: container is not running"}'));
    });
    const hold = await stack.quiescer({ docker: connectDocker(`unix://${socket}`) }).hold(never);
    assert.deepEqual(hold.held, [stack.nameOf("fleeting")]);
    assert.deepEqual(await hold.release(), []);
    assert.deepEqual(await stack.status("fleeting"), ["running"]);
  });

  test("labels that are wrong, and holds that cannot be, are all named before anything is touched", async (t) => {
    const stack = await makeStack(t);
    await stack.add("a", obedient, { "lifeboat.hold": "maybe", "lifeboat.before.signal": "USR1" });
    await stack.add("b", obedient, { "lifeboat.hodl": "stop" });
    await stack.add("c", obedient, stop, { HostConfig: { AutoRemove: true } });
    await stack.add("d", obedient, stop);
    await assert.rejects(stack.quiescer().hold(never), (error: Error & { kind: string }) => {
      assert.equal(error.kind, "settings");
      assert.match(error.message, /a-1': 'lifeboat.hold=maybe' is not stop or pause/);
      assert.match(error.message, /'lifeboat.before.signal=USR1' is not HUP/);
      assert.match(error.message, /'lifeboat.hodl' is not a label that exists \(did you mean 'lifeboat.hold'\?\)/);
      assert.match(error.message, /c-1' would vanish when stopped .*lifeboat.hold=pause/);
      return true;
    });
    assert.deepEqual(await stack.status("a", "b", "c", "d"), ["running", "running", "running", "running"]);
  });

  test("an aborted hold brings everything back before it rejects, also what is just being stopped", async (t) => {
    const stack = await makeStack(t);
    await stack.add("web", obedient, { ...pause, ...dependsOn("db") });
    await stack.add("db", stubborn, { ...stop, "lifeboat.hold.timeout": "2s" });
    const log = diary();
    const abort = new AbortController();
    const holding = stack.quiescer({ log }).hold(abort.signal);
    holding.catch(() => {});
    await until(async () => ((await stack.status("web"))[0] === "paused" ? true : undefined));
    abort.abort(new Error("told to end"));
    await assert.rejects(holding, /told to end/);
    assert.deepEqual(await stack.status("web", "db"), ["running", "running"]);
    assert.ok(!existsSync(join(stack.stateFolder, "hold.json")));
  });

  test("a container that is started during the copy is named, and so is one that was at rest by itself", async (t) => {
    const stack = await makeStack(t);
    for (const name of ["db", "web", "old"]) await stack.add(name, obedient, stop);
    await stack.docker((d) => d.getContainer(stack.nameOf("old")).stop({ t: 1 }));
    const hold = await stack.quiescer().hold(never);
    for (const name of ["db", "old"]) await stack.docker((d) => d.getContainer(stack.nameOf(name)).restart({ t: 1 }));
    assert.deepEqual([...(await hold.stillAtRest())].sort(), [stack.nameOf("db"), stack.nameOf("old")]);
    await hold.release();
  });

  test("other projects are left alone, unless all are asked for", async (t) => {
    const [stack, other] = [await makeStack(t), await makeStack(t)];
    await stack.add("db", obedient, stop);
    await other.add("db", obedient, stop);
    const hold = await stack.quiescer().hold(never);
    assert.deepEqual(hold.held, [stack.nameOf("db")]);
    assert.deepEqual(await other.status("db"), ["running"]);
    await hold.release();
  });

  test("outside a container nobody's labels are looked at, and a warning names those that have some", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, stop);
    const hold = await stack.quiescer({ project: "own-project" }).hold(never);
    assert.deepEqual(hold.held, []);
    assert.ok(
      hold.warnings.some(
        (warning) => warning.includes(`'${stack.nameOf("db")}'`) && warning.includes("are not looked at"),
      ),
    );
    assert.deepEqual(await stack.status("db"), ["running"]);
  });

  test("a project that has no containers is a warning", async (t) => {
    const stack = await makeStack(t);
    const hold = await stack.quiescer().hold(never);
    assert.deepEqual(hold.warnings, [`there is no container of the compose project '${stack.project}'`]);
  });

  test("without a Docker socket nothing is held and nothing is wrong", async (t) => {
    const stack = await makeStack(t);
    const hold = await stack.quiescer({ docker: undefined }).hold(never);
    assert.deepEqual([hold.held, hold.warnings, await hold.stillAtRest(), await hold.release()], [[], [], [], []]);
  });
});
