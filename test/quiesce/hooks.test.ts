import assert from "node:assert/strict";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { LifeboatError } from "../../src/errors.ts";
import { Secret } from "../../src/system/secret.ts";
import { makeStack, never, obedient, savesOnHup, until, type Stack } from "./stack.ts";

const before = (command: string, more = {}) => ({ "lifeboat.before.exec": command, ...more });
const after = (command: string, more = {}) => ({ "lifeboat.after.exec": command, ...more });
/** Exit code 0 if a process with that argument runs in the container; the brackets keep it from finding itself. */
const runs = (argument: string) =>
  `grep -qaz '^${argument.slice(0, -1)}[${argument.slice(-1)}]$' /proc/[0-9]*/cmdline 2>/dev/null`;

async function withData(stack: Stack, script: string, labels: Record<string, string>): Promise<string> {
  const data = join(stack.folder, "data");
  await mkdir(data);
  await chmod(data, 0o777);
  await writeFile(join(data, "db"), "old");
  await stack.add(
    "atheme",
    script,
    { "lifeboat.before.signal": "HUP", ...labels },
    { HostConfig: { Binds: [`${data}:/data`] } },
  );
  // Signals before the shell has set its traps would end it.
  await until(async () => ((await stack.run("atheme", runs("1000"))) === 0 ? true : undefined));
  return data;
}

// Each has a compose project of its own, and most of the time is waiting.
describe("hooks", { concurrency: 4 }, () => {
  test("hooks run in the container, before it is held and after it is back, as the user asked for", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, {
      "lifeboat.hold": "pause",
      ...before("id -u >/tmp/before", { "lifeboat.before.exec.user": "33" }),
      ...after("cp /tmp/before /tmp/after"),
    });
    const hold = await stack.quiescer().hold(never);
    assert.deepEqual(await stack.status("db"), ["paused"]);
    assert.deepEqual(await hold.release(), []);
    assert.equal(await stack.run("db", 'test "$(cat /tmp/after)" = 33'), 0);
  });

  test("a before-hook that fails ends the hold with its exit code and output, runs the after-hook and holds nothing", async (t) => {
    const stack = await makeStack(t);
    new Secret("hunter2-hunter2");
    const script =
      "touch /tmp/maintenance; head -c 100000 /dev/zero | tr '\\0' x; echo; echo no hunter2-hunter2 >&2; exit 3";
    await stack.add("db", obedient, { "lifeboat.hold": "stop", ...before(script), ...after("rm /tmp/maintenance") });
    await assert.rejects(stack.quiescer().hold(never), (error: Error) => {
      assert.match(error.message, /container '.*db-1' ended with exit code 3: no \*\*\*$/);
      assert.ok(error.message.length < 500);
      return true;
    });
    assert.deepEqual(await stack.status("db"), ["running"]);
    assert.equal(await stack.run("db", "test ! -e /tmp/maintenance"), 0);
  });

  test("an after-hook that fails is told as such, and the container is back", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, { "lifeboat.hold": "stop", ...after("echo broken; exit 9") });
    const hold = await stack.quiescer().hold(never);
    const failures = await hold.release();
    assert.deepEqual(
      failures.map(({ container, kind }) => [container, kind]),
      [[stack.nameOf("db"), "hook"]],
    );
    assert.match(failures[0]?.error.message ?? "", /exit code 9: broken/);
    assert.deepEqual(await stack.status("db"), ["running"]);
  });

  test("a hook that takes too long is ended inside the container, with its children, also those that ignore SIGTERM", async (t) => {
    const stack = await makeStack(t);
    const script = "trap '' TERM; (sleep 4711 &) ; setsid sleep 4712 & sleep 4713";
    await stack.add("db", obedient, before(script, { "lifeboat.before.exec.timeout": "1s" }));
    const holding = stack.quiescer().hold(never);
    await Promise.all([
      assert.rejects(holding, /the command in container '.*' did not end within 1 s/),
      until(async () => ((await stack.run("db", runs("4713"))) === 0 ? true : undefined)),
    ]);
    for (const sleeper of ["4711", "4712", "4713"]) assert.notEqual(await stack.run("db", runs(sleeper)), 0);
  });

  test("an after-hook that takes too long is ended too, also as another user", async (t) => {
    const stack = await makeStack(t);
    const script = `exec setpriv --reuid=33 --clear-groups sh -c "trap '' TERM; exec sleep 4717"`;
    await stack.add("db", obedient, after(script, { "lifeboat.after.exec.timeout": "1s" }));
    const hold = await stack.quiescer().hold(never);
    const [[failure]] = await Promise.all([
      hold.release(),
      until(async () => ((await stack.run("db", runs("4717"))) === 0 ? true : undefined)),
    ]);
    assert.match(failure?.error.message ?? "", /did not end within 1 s/);
    assert.notEqual(await stack.run("db", runs("4717")), 0);
  });

  test("a hook is ended inside the container when the run is aborted", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, before("sleep 4714"));
    const abort = new AbortController();
    const holding = stack.quiescer().hold(abort.signal);
    holding.catch(() => {});
    await until(async () => ((await stack.run("db", runs("4714"))) === 0 ? true : undefined));
    abort.abort(new Error("told to end"));
    await assert.rejects(holding, /told to end/);
    assert.notEqual(await stack.run("db", runs("4714")), 0);
  });

  test("a hook that leaves a child in the background is over when it ends itself", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, before("sleep 4715 & echo started"));
    const startedMs = performance.now();
    await (await stack.quiescer().hold(never)).release();
    assert.ok(performance.now() - startedMs < 10_000);
  });

  test("hooks of a container that does not run are not run, and that is a warning", async (t) => {
    const stack = await makeStack(t);
    await stack.add("db", obedient, before("exit 1"));
    await stack.docker((d) => d.getContainer(stack.nameOf("db")).pause());
    const hold = await stack.quiescer().hold(never);
    assert.match(hold.warnings.join(), /hooks of '.*db-1' are not run, because it is paused/);
  });

  test("a signalled container is waited for until its file is a new one", async (t) => {
    const stack = await makeStack(t);
    const data = await withData(stack, savesOnHup, { "lifeboat.before.wait-for": "data/db" });
    const { ino } = await stat(join(data, "db"));
    const hold = await stack.quiescer().hold(never);
    assert.notEqual((await stat(join(data, "db"))).ino, ino);
    assert.deepEqual([hold.warnings, hold.held], [[], []]);
  });

  test("a file that stays as it was is a warning at the deadline", async (t) => {
    const stack = await makeStack(t);
    const quiet = 'trap : HUP; trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done';
    await withData(stack, quiet, { "lifeboat.before.wait-for": "data/db", "lifeboat.before.timeout": "1s" });
    const hold = await stack.quiescer().hold(never);
    assert.match(hold.warnings.join(), /atheme-1' was sent HUP, but '.*data\/db' was not written anew after 1 s/);
  });

  test("a save that never ends is a warning, and a file that never comes is an error", async (t) => {
    const stack = await makeStack(t);
    const half = 'trap "date >/data/db; touch /data/db.new" HUP; while :; do sleep 1000 & wait $!; done';
    const data = await withData(stack, half, {
      "lifeboat.before.wait-for": "data/db",
      "lifeboat.before.timeout": "1s",
    });
    const hold = await stack.quiescer().hold(never);
    assert.match(hold.warnings.join(), /'.*data\/db.new' still lies beside/);
    await assert.rejects(
      stack.quiescer({ sourcesFolder: data }).hold(never),
      /'lifeboat.before.wait-for' names '.*\/data\/data\/db', but there is no folder/,
    );
    const missing = await makeStack(t);
    await withData(missing, savesOnHup, {
      "lifeboat.before.wait-for": "data/nothing",
      "lifeboat.before.timeout": "1s",
    });
    await assert.rejects(
      missing.quiescer().hold(never),
      /'.*data\/nothing', which was waited for, does not exist after 1 s/,
    );
  });

  test("a file that had content and is saved as an empty one fails the hook; one that was empty already is a warning", async (t) => {
    const stack = await makeStack(t);
    // A disk that is full takes names, but no bytes.
    const onFullDisk = 'trap ": >/data/db.new; mv /data/db.new /data/db" HUP; while :; do sleep 1000 & wait $!; done';
    await withData(stack, onFullDisk, { "lifeboat.before.wait-for": "data/db", "lifeboat.before.timeout": "1s" });
    await stack.add("app", obedient, { "lifeboat.hold": "stop" });
    await assert.rejects(stack.quiescer().hold(never), (error: LifeboatError) => {
      assert.match(error.message, /'.*data\/db' had 3 bytes and was saved as an empty file/);
      assert.match(error.hint!, /make room there .* do not restart it/);
      return true;
    });
    assert.deepEqual(await stack.status("app", "atheme"), ["running", "running"]);
    const hold = await stack.quiescer().hold(never);
    assert.match(hold.warnings.join(), /'.*data\/db' is empty after 1 s/);
    assert.deepEqual(await hold.release(), []);
  });

  test("a program that empties its file before it writes it is waited for", async (t) => {
    const stack = await makeStack(t);
    const inPlace = 'trap ": >/data/db; sleep 0.5; date >/data/db" HUP; while :; do sleep 1000 & wait $!; done';
    const data = await withData(stack, inPlace, { "lifeboat.before.wait-for": "data/db" });
    const hold = await stack.quiescer().hold(never);
    assert.ok((await stat(join(data, "db"))).size > 0);
    assert.deepEqual(hold.warnings, []);
  });

  test("a container that the signal ended is an error", async (t) => {
    const stack = await makeStack(t);
    await withData(stack, "trap 'exit 1' HUP; while :; do sleep 1000 & wait; done", {});
    await assert.rejects(stack.quiescer().hold(never), (error: Error) =>
      /did not survive the signal HUP/.test(error.message),
    );
  });
});
