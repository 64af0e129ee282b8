import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { makeStack, never, obedient, until, type Stack } from "./stack.ts";

/** A folder on the host that containers of the stack have mounted. */
async function makeData(stack: Stack): Promise<string> {
  const data = join(stack.folder, "data");
  await mkdir(join(data, "below"), { recursive: true });
  return data;
}

const mounting = (source: string, mode: "rw" | "ro") => ({ HostConfig: { Binds: [`${source}:/data:${mode}`] } });

test("whatever may write to the data is stopped for a restore, labelled or not, dependants first", async (t) => {
  const stack = await makeStack(t);
  const data = await makeData(stack);
  await stack.add("db", obedient, {}, mounting(data, "rw"));
  const dependent = { "com.docker.compose.depends_on": "db:service_started:false" };
  await stack.add("app", obedient, dependent, mounting(join(data, "below"), "rw"));
  await stack.add("reader", obedient, {}, mounting(data, "ro"));
  await stack.add("labelled", obedient, { "lifeboat.hold": "pause" });
  await stack.add("other", obedient);

  const quiescer = stack.quiescer();
  const plan = await quiescer.planForRestore({ folders: [data], servers: [] }, never);
  assert.deepEqual(
    plan.stops.map(({ container, act, why }) => `${container} ${act} ${why}`),
    [
      `${stack.nameOf("labelled")} pause is labelled to be held`,
      `${stack.nameOf("app")} stop writes to what is replaced`,
      `${stack.nameOf("db")} stop writes to what is replaced`,
    ],
  );
  const services = ["db", "app", "reader", "labelled", "other"];
  assert.deepEqual(await stack.status(...services), Array(5).fill("running"), "a plan touches nothing");

  const hold = await quiescer.holdForRestore({ folders: [data], servers: [] }, never);
  assert.deepEqual(await stack.status(...services), ["exited", "exited", "running", "paused", "running"]);
  assert.deepEqual(await hold.release(), []);
  assert.deepEqual(await stack.status(...services), Array(5).fill("running"));
  assert.deepEqual(await quiescer.watch(hold.watched, never), []);
});

test("whatever depends on a server of which databases are replaced is stopped, and the server runs on", async (t) => {
  const stack = await makeStack(t);
  await stack.add("db", obedient);
  await stack.add("app", obedient, { "com.docker.compose.depends_on": "db:service_healthy:false" });
  await stack.add("web", obedient, { "com.docker.compose.depends_on": "app:service_started:false" });
  const quiescer = stack.quiescer();
  const replaced = { folders: [], servers: ["db"] };
  const { stops } = await quiescer.planForRestore(replaced, never);
  assert.deepEqual(stops, [{ container: stack.nameOf("app"), act: "stop", why: "uses a database that is replaced" }]);
  const hold = await quiescer.holdForRestore(replaced, never);
  assert.deepEqual(await stack.status("db", "app", "web"), ["running", "exited", "running"]);
  assert.deepEqual(await hold.release(), []);
});

test("a server is known by its container's name, and by a name in a network, as well", async (t) => {
  const stack = await makeStack(t);
  const network = await stack.docker((d) =>
    d.createNetwork({ Name: stack.project, Labels: { "lb-q": stack.project } }),
  );
  t.after(() => stack.docker(() => network.remove()));
  const EndpointsConfig = { [stack.project]: { Aliases: ["database.internal"] } };
  const inNetwork = { HostConfig: { NetworkMode: stack.project }, NetworkingConfig: { EndpointsConfig } };
  await stack.add("db", obedient, {}, inNetwork);
  await stack.add("app", obedient, { "com.docker.compose.depends_on": "db:service_healthy:false" });
  for (const server of [stack.nameOf("db"), "database.internal"]) {
    const { stops } = await stack.quiescer().planForRestore({ folders: [], servers: [server] }, never);
    assert.deepEqual(
      stops.map(({ container }) => container),
      [stack.nameOf("app")],
      server,
    );
  }
});

test("a paused writer is in the way, and nothing is touched", async (t) => {
  const stack = await makeStack(t);
  const data = await makeData(stack);
  await stack.add("db", obedient, {}, mounting(data, "rw"));
  await stack.docker((d) => d.getContainer(stack.nameOf("db")).pause());
  await assert.rejects(
    stack.quiescer().holdForRestore({ folders: [data], servers: [] }, never),
    /is paused and keeps files open/,
  );
  assert.deepEqual(await stack.status("db"), ["paused"]);
});

test("what does not come up on the new data is told at once, and comes back when it can", async (t) => {
  const stack = await makeStack(t);
  const data = await makeData(stack);
  await stack.add("db", `test ! -e /data/bad || exit 7; ${obedient}`, {}, mounting(data, "rw"));
  const quiescer = stack.quiescer();
  const hold = await quiescer.holdForRestore({ folders: [data], servers: [] }, never);
  await mkdir(join(data, "bad"));
  const began = performance.now();
  const [failure] = await hold.release();
  const unwell = failure ? [failure.error.message] : (await quiescer.watch(hold.watched, never)).map(String);
  assert.equal(unwell.length, 1, "it ended again");
  assert(performance.now() - began < 20_000, "without trying for minutes");
});

test("a watch waits as long as a container's own healthcheck may take", async (t) => {
  const stack = await makeStack(t);
  const data = await makeData(stack);
  const second = 1_000_000_000;
  const Healthcheck = { Test: ["CMD", "test", "-e", "/ready"], Interval: second / 2, StartPeriod: 20 * second };
  const slow = `rm -f /ready; (sleep 3; touch /ready) & ${obedient}`;
  await stack.add("app", slow, {}, { ...mounting(data, "rw"), Healthcheck });
  await until(async () => ((await stack.look("app")).State.Health?.Status === "healthy" ? true : undefined));
  const quiescer = stack.quiescer({ limits: { healthMs: 500 } });
  const hold = await quiescer.holdForRestore({ folders: [data], servers: [] }, never);
  assert.deepEqual(await hold.release(), []);
  assert.equal((await stack.look("app")).State.Health?.Status, "starting");
  assert.deepEqual(await quiescer.watch(hold.watched, never), []);
  assert.equal((await stack.look("app")).State.Health?.Status, "healthy");
});

test("a watch tells of containers that restart, and asks the address of a label", async (t) => {
  const stack = await makeStack(t);
  const data = await makeData(stack);
  let status = 503;
  const server = createServer((_, response) => response.writeHead(status).end()).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await until(async () => (server.listening ? true : undefined));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
  await stack.add("web", obedient, { "lifeboat.health.http": url }, mounting(data, "rw"));
  const restarting = { ...mounting(data, "rw").HostConfig, RestartPolicy: { Name: "always" } };
  await stack.add("loop", "sleep 1; exit 3", {}, { HostConfig: restarting });
  const quiescer = stack.quiescer({ limits: { healthMs: 3_000 } });
  const hold = await quiescer.holdForRestore({ folders: [data], servers: [] }, never);
  await hold.release();
  const watched = hold.watched.map((one) => ({ ...one, wasWell: true }));
  const red = await quiescer.watch(watched, never);
  assert.deepEqual(red.map(({ container }) => container).sort(), [stack.nameOf("loop"), stack.nameOf("web")]);
  assert.match(red.map(({ problem }) => problem).join(), /does not answer well at \S+ \(status 503\)/);
  assert.match(red.map(({ problem }) => problem).join(), /started again and again|ended with exit code 3/);
  status = 204;
  const web = watched.filter(({ name }) => name === stack.nameOf("web"));
  assert.deepEqual(await quiescer.watch(web, never), []);
});
