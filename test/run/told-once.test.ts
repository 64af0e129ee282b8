import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { lifeboat } from "../../src/cli.ts";
import { Interrupted } from "../../src/errors.ts";
import { until } from "../until.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
before(async () => void (sandbox = await makeSandbox()));
after(() => sandbox[Symbol.asyncDispose]());

/** What the program says where stdout and stderr are the same place; nothing is there to be saved. */
async function said(args: readonly string[], isTTY: boolean): Promise<string> {
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const signal = new AbortController().signal;
  assert.equal(await lifeboat(args, { env: sandbox.env, stdout, stderr, signal }), 1);
  return `${String(stdout.read() ?? "")}${String(stderr.read() ?? "")}`;
}

const times = (text: string) => text.split("there is nothing to save").length - 1;

test("on a terminal a failure is told once, with its hint", async () => {
  const text = await said(["backup"], true);
  assert.equal(times(text), 1, text);
  assert.match(text, /Mount the volumes/);
});

test("where a machine may read the log or the report, each of them has the failure", async () => {
  assert.equal(times(await said(["backup"], false)), 2);
  assert.equal(times(await said(["backup", "--json"], true)), 2);
});

test("the daemon tells a failure in its log, also on a terminal", async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()].map((one) => Object.assign(one, { isTTY: true }));
  const ending = new AbortController();
  const env = { ...sandbox.env, BACKUP_ON_START: "true", BACKUP_CRON_EXPRESSION: "0 0 1 1 *" };
  const daemon = lifeboat([], { env, stdout: stdout!, stderr: stderr!, signal: ending.signal });
  let text = "";
  stderr!.on("data", (bytes) => (text += String(bytes)));
  await until("the failure is in the log", () => text.includes("backup failed"));
  ending.abort(new Interrupted("SIGTERM"));
  const exitCode = await daemon;
  assert([0, 143].includes(exitCode), `${exitCode}: 143 only if the run was just ending`);
  assert.match(text, /backup failed.*there is nothing to save/);
});
