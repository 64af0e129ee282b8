import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findPostgresContainers } from "../../src/quiesce/postgres-containers.ts";
import { systemClock } from "../../src/system/clock.ts";
import { connection, diary, makeStack, never, obedient, until } from "./stack.ts";

/** As `compose run` labels a container of a service; `service` only names it here. */
const oneOff = (labels: Record<string, string> = {}) => ({ "com.docker.compose.oneoff": "True", ...labels });

describe("one-offs of compose run", { concurrency: 4 }, () => {
  test("are not held, their hooks are not run, and none of them stops the run, --rm or not", async (t) => {
    const stack = await makeStack(t);
    const labels = { "lifeboat.hold": "stop" };
    await stack.add("app", obedient, labels);
    await stack.add("task", obedient, oneOff(labels), { HostConfig: { AutoRemove: true } });
    await stack.add("open", obedient, oneOff({ "lifeboat.before.exec": "exit 1" }));
    await stack.add("ended", "true", oneOff(labels));
    await until(async () => ((await stack.status("ended"))[0] === "exited" ? true : undefined));
    const log = diary();
    const hold = await stack.quiescer({ log }).hold(never);
    assert.deepEqual([hold.held, hold.warnings], [[stack.nameOf("app")], []]);
    assert.deepEqual(await stack.status("app", "task", "open"), ["exited", "running", "running"]);
    assert.match(log.lines.join("\n"), /task-1' is a one-off of compose run and is left alone/);
    assert.deepEqual(await hold.stillAtRest(), []);
    assert.deepEqual(await hold.release(), []);
  });

  test("one that writes to what is saved of a container at rest is a warning", async (t) => {
    const stack = await makeStack(t);
    const [data, other] = [join(stack.folder, "data"), join(stack.folder, "other")];
    for (const each of [data, other]) await mkdir(each);
    const bind = (path: string) => ({ HostConfig: { Binds: [`${path}:/data`] } });
    await stack.add("app", obedient, { "lifeboat.hold": "stop" }, bind(data));
    await stack.add("writer", obedient, oneOff(), bind(data));
    await stack.add("reader", obedient, oneOff(), { HostConfig: { Binds: [`${data}:/data:ro`] } });
    await stack.add("elsewhere", obedient, oneOff(), bind(other));
    const hold = await stack.quiescer().hold(never);
    assert.equal(hold.warnings.length, 1, hold.warnings.join("\n"));
    assert.match(hold.warnings[0]!, /writer-1', a one-off of compose run, writes to what is saved and is not held/);
    assert.deepEqual(await hold.release(), []);
    const unsaved = await stack.quiescer({ sourcesFolder: other }).hold(never);
    assert.deepEqual([unsaved.warnings, await unsaved.release()], [[], []]);
  });

  test("one that writes to what a restore replaces is in the way: brought back, it would do its work again", async (t) => {
    const stack = await makeStack(t);
    await stack.add("task", obedient, oneOff(), { HostConfig: { Binds: [`${stack.folder}:/data`], AutoRemove: true } });
    const holding = stack.quiescer().holdForRestore({ folders: [stack.folder], servers: [] }, never);
    await assert.rejects(
      holding,
      /task-1' is a one-off of compose run, which would do its work once more .* end it first/,
    );
    assert.deepEqual(await stack.status("task"), ["running"]);
  });

  test("one in the network of a container that is stopped is told that it is cut off", async (t) => {
    const stack = await makeStack(t);
    const id = await stack.add(
      "host",
      obedient,
      { "lifeboat.hold": "stop" },
      { HostConfig: { NetworkMode: "bridge" } },
    );
    await stack.add("guest", obedient, oneOff(), { HostConfig: { NetworkMode: `container:${id}`, AutoRemove: true } });
    const hold = await stack.quiescer().hold(never);
    assert.match(
      hold.warnings.join(),
      /guest-1' is a one-off of compose run in a namespace of .* it is cut off by that/,
    );
    assert.deepEqual(await stack.status("host", "guest"), ["exited", "running"]);
    assert.deepEqual(await hold.release(), []);
  });

  test("none is a server to dump, whether it ended or holds a second one", async (t) => {
    const stack = await makeStack(t);
    const labels = { "lifeboat.postgres": "true" };
    await stack.add("db", obedient, labels);
    await stack.add("ended", "true", oneOff(labels));
    await stack.add("second", obedient, oneOff(labels));
    const servers = await findPostgresContainers(connection, stack.project, systemClock, never);
    assert.deepEqual(
      servers.map(({ container }) => container),
      [stack.nameOf("db")],
    );
  });
});
