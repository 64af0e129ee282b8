import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import type { Log, LogFields } from "../../src/system/log.ts";
import { makeStack, never, until, type Stack } from "./stack.ts";

/** A server as its image runs it, PostgreSQL the first process, with a row that no restart after a crash leaves. */
async function withServer(t: TestContext, hook: string): Promise<Stack> {
  const stack = await makeStack(t);
  const labels = { "lifeboat.before.exec": hook, "lifeboat.before.exec.timeout": "2s" };
  await stack.add("db", "", labels, {
    Image: "postgres:17",
    Cmd: ["postgres", "-c", "fsync=off"],
    Env: ["POSTGRES_PASSWORD=secret"],
    HostConfig: { Tmpfs: { "/var/lib/postgresql/data": "" } },
  });
  const isReady = "pg_isready --quiet --host=127.0.0.1"; // The server of the first start has the socket alone.
  await until(async () => ((await stack.run("db", isReady)) === 0 ? true : undefined), 60_000);
  const create = "CREATE UNLOGGED TABLE alive AS SELECT 1 AS one";
  assert.equal(await stack.run("db", `psql --username=postgres --command='${create}'`), 0);
  return stack;
}

/** The server answers, and has not been through a crash: that would have emptied the table. */
async function isUnharmed(stack: Stack): Promise<boolean> {
  const ask = "psql --username=postgres --no-align --tuples-only --command='SELECT count(*) FROM alive'";
  await until(async () => ((await stack.run("db", ask)) === 0 ? true : undefined), 60_000);
  return (await stack.run("db", `test "$(${ask})" = 1`)) === 0;
}

function recordedLog(): { log: Log; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (message: string, fields?: LogFields) => void warnings.push(`${message} ${JSON.stringify(fields)}`);
  return { log: { debug() {}, info() {}, warn, error() {} }, warnings };
}

describe("a hook that takes too long, where PostgreSQL is the container's first process", { concurrency: 3 }, () => {
  for (const [what, hook] of [
    ["runs a program and more after it", "sleep 4731; touch /tmp/went-on"],
    [
      "is a script that ends in order when it is told to",
      "trap 'kill $!; wait; exit 1' TERM; sleep 4732 & wait; touch /tmp/went-on",
    ],
    ["runs a client", "psql --username=postgres --command='SELECT pg_sleep(4733)' && touch /tmp/went-on"],
  ] as const) {
    test(`is ended without harm to the server if it ${what}`, async (t) => {
      const stack = await withServer(t, hook);
      const { log, warnings } = recordedLog();
      await assert.rejects(stack.quiescer({ log }).hold(never), /did not end within 2 s/);
      assert.equal(await isUnharmed(stack), true);
      assert.equal(await stack.run("db", "test ! -e /tmp/went-on"), 0);
      assert.deepEqual(warnings, []);
    });
  }

  test("is killed if its program ignores SIGTERM, and that is told; the shell above it sees the end, not the server", async (t) => {
    const stack = await withServer(t, `perl -e '$SIG{TERM}="IGNORE"; sleep 4734'; touch /tmp/went-on`);
    const { log, warnings } = recordedLog();
    await assert.rejects(stack.quiescer({ log }).hold(never), /did not end within 2 s/);
    assert.equal(await isUnharmed(stack), true);
    assert.equal(await stack.run("db", "test ! -e /tmp/went-on"), 0);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^a hook had to be killed, .*db-1.*init: true/);
  });
});
