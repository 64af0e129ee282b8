import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PassThrough } from "node:stream";
import { afterEach, beforeEach, test } from "node:test";
import { Interrupted } from "../../src/errors.ts";
import { makeSandbox, type Sandbox } from "../run/sandbox.ts";
import { asked } from "./asked.ts";
import { said } from "./said.ts";

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
  await writeFile(join(sandbox.data, "file"), "then");
  assert.equal((await said(["backup"], sandbox.env)).exitCode, 0);
  await writeFile(join(sandbox.data, "file"), "now");
});
afterEach(() => sandbox[Symbol.asyncDispose]());

/** A restore in place on a terminal, where `act` is done once it asks. */
async function restoring(act: Parameters<typeof asked>[3]) {
  const ended = await asked(["restore", "latest", "--in-place"], sandbox.env, "Go on?", act);
  assert.deepEqual(await readdir(sandbox.data), ["file"]);
  return { ...ended, content: await readFile(join(sandbox.data, "file"), "utf8") };
}

test("'no' is no failure, and says that nothing was touched", async () => {
  const { exitCode, text, content } = await restoring((terminal) => terminal.write("n\r"));
  assert.deepEqual([exitCode, content], [0, "now"]);
  assert.match(text, /nothing was touched, as the answer was no/);
});

test("Ctrl-C at the question ends it with 130 and says that nothing was touched", async () => {
  for (const act of [
    (terminal: PassThrough) => terminal.write("\x03"),
    (_: PassThrough, ending: AbortController) => ending.abort(new Interrupted("SIGINT")),
  ]) {
    const { exitCode, text, content } = await restoring(act);
    assert.deepEqual([exitCode, content], [130, "now"]);
    assert.match(text, /^ {2}nothing was touched$/m);
    assert.match(text, /interrupted by SIGINT/);
  }
});

test("'yes' goes on", async () => {
  const { exitCode, content } = await restoring((terminal) => terminal.write("y\r"));
  assert.deepEqual([exitCode, content], [0, "then"]);
});
