import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { engineOver } from "../../src/quiesce/engine.ts";
import { streamFromContainer } from "../../src/quiesce/exec-stream.ts";
import { systemClock } from "../../src/system/clock.ts";
import { connection, makeStack, obedient } from "./stack.ts";

async function printed(
  t: TestContext,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const stack = await makeStack(t);
  const id = await stack.add("db", `mkdir /few && ln -s /bin/sh /few; ${obedient}`);
  await stack.run("db", "until [ -e /few/sh ]; do :; done");
  const container = { id, name: stack.nameOf("db") };
  const never = new AbortController().signal;
  const program = streamFromContainer(engineOver(connection), { container, argv, env }, systemClock, never);
  const output = await text(program.stdout);
  await program.done;
  return output;
}

test("a program in a container writes its output in pieces of 64 KiB", async (t) => {
  assert.match(await printed(t, ["env"], {}), /^_STDBUF_O=64K$|^_STDBUF_O=65536$/m);
});

test("a program in a container that has no stdbuf runs all the same", async (t) => {
  assert.equal(await printed(t, ["/usr/bin/printf", "%s", "all\nof it"], { PATH: "/few" }), "all\nof it");
});
