import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { ChildError, runChild, startChild } from "../../src/system/children.ts";
import { Secret } from "../../src/system/secret.ts";
import { until } from "../until.ts";

const sh = (script: string, env?: Record<string, string>) => ({
  program: "sh",
  args: ["-c", script],
  ...(env ? { env } : {}),
});

test("a child that prints half of its output and fails is a failure, with its exit code and last words", async () => {
  const child = startChild(sh("echo half a dump; echo 'disk on fire' >&2; exit 3"));
  assert.equal(await text(child.stdout), "half a dump\n");
  await assert.rejects(child.done, (error: ChildError) => {
    assert.equal(error.exitStatus, 3);
    assert.match(error.message, /'sh' ended with exit code 3: disk on fire/);
    return true;
  });
});

test("a child that is killed is a failure although its output ends like any other", async () => {
  const child = startChild(sh("echo before; kill -9 $$"));
  await text(child.stdout);
  await assert.rejects(child.done, /'sh' was killed by SIGKILL/);
});

test("what a child has started itself ends with it where that is asked for, also when the child is killed", async () => {
  for (const how of ["kill -9 $$", "exit 3"]) {
    // What is left behind has the child's stderr, which nobody may wait for.
    const child = startChild(sh(`sleep 600 & echo $!; ${how}`), { leftBehind: "kill" });
    const sleeper = Number(await text(child.stdout));
    await assert.rejects(child.done, ChildError);
    await until("the sleeper is gone", () => !existsSync(`/proc/${sleeper}/exe`));
  }
});

test("an aborted signal ends what the child has started as well, where that is asked for", async () => {
  const abort = new AbortController();
  const child = startChild(sh("sleep 600 & echo $!; wait"), { signal: abort.signal, leftBehind: "kill" });
  const [sleeper] = (await once(child.stdout, "data")) as [Buffer];
  abort.abort(new Error("enough"));
  await assert.rejects(child.done, /enough/);
  await until("the sleeper is gone", () => !existsSync(`/proc/${Number(sleeper)}/exe`));
});

test("a program that is not installed is named", async () => {
  await assert.rejects(runChild({ program: "no-such-program", args: [] }, { timeoutMs: 5000 }), /'no-such-program'/);
});

test("a deadline ends a child that ignores SIGTERM, and says so", { timeout: 20_000 }, async () => {
  const began = performance.now();
  await assert.rejects(
    runChild(sh("trap '' TERM; while :; do sleep 0.1; done"), { timeoutMs: 300 }),
    /did not end within 0.3 s/,
  );
  assert(performance.now() - began < 15_000);
});

test("an aborted signal ends the child and its reason is what is thrown", async () => {
  const stop = new AbortController();
  const child = startChild(sh("echo ready; exec sleep 600"), { signal: stop.signal });
  await once(child.stdout, "data");
  stop.abort(new Error("that is enough"));
  await assert.rejects(child.done, /that is enough/);
});

test("a child gets only the bare environment and what it is given", async () => {
  process.env["LIFEBOAT_TEST_LEAK"] = "leaked";
  const { stdout } = await runChild(sh("env", { GIVEN: "yes" }), { timeoutMs: 5000 });
  delete process.env["LIFEBOAT_TEST_LEAK"];
  assert.match(stdout, /^GIVEN=yes$/m);
  assert.doesNotMatch(stdout, /leaked/);
});

test("a secret that a child prints does not reach the error", async () => {
  const secret = new Secret("hunter2-is-a-canary");
  await assert.rejects(
    runChild(sh('echo "bad password $P" >&2; exit 1', { P: secret.reveal() }), { timeoutMs: 5000 }),
    (error: ChildError) => {
      assert.doesNotMatch(error.message + error.stderr, /canary/);
      assert.match(error.message, /bad password \*\*\*/);
      return true;
    },
  );
});

test("a child that floods stderr neither stops nor fills the memory", async () => {
  const { stderr } = await runChild(sh("yes complaint | head -c 20000000 >&2"), { timeoutMs: 30_000 });
  assert(stderr.length <= 16 * 1024);
});
