import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { engineHost, makeStack, obedient } from "../../quiesce/stack.ts";
import { makeSandbox } from "../sandbox.ts";

const PARTS = 30;
const PART_BYTES = 10_000_000;

test("nothing but renames lies between stop and start: all of the new data was written before", async (t) => {
  const [stack, sandbox] = [await makeStack(t), await makeSandbox()];
  t.after(() => sandbox[Symbol.asyncDispose]());
  const app = join(sandbox.data, "app");
  await mkdir(app);
  const part = randomBytes(PART_BYTES);
  for (let at = 0; at < PARTS; at++) await writeFile(join(app, `part-${at}`), part);
  assert.equal((await sandbox.lifeboat(["backup"], { BACKUP_COMPRESSION_LEVEL: "1" })).exitCode, 0);
  await stack.add("app", obedient, {}, { HostConfig: { Binds: [`${app}:/data`] } });

  const env = { DOCKER_HOST: engineHost, BACKUP_DOCKER_PROJECT: stack.project, LOG_FORMAT: "json", LOG_LEVEL: "debug" };
  const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--in-place", "--yes"], env);
  assert.equal(exitCode, 0, stderr);
  const { FinishedAt, StartedAt } = (await stack.look("app")).State;
  const stoppedMs = Date.parse(FinishedAt);
  assert(stoppedMs < Date.parse(StartedAt));
  const names = await readdir(app);
  assert.equal(names.length, PARTS);
  for (const name of names) {
    const { birthtimeMs } = await lstat(join(app, name));
    assert(birthtimeMs < stoppedMs, `${name} was written while the container was down`);
  }

  const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
  const told = lines.map((line) => JSON.parse(line) as { msg: string; step?: string; atRestMs?: number });
  const course = told.flatMap(({ msg, step }) =>
    msg === "step ended" ? [step] : /^container /.test(msg) ? [msg] : [],
  );
  assert.deepEqual(course, [
    ...["find", "fetch", "stage", "container stopped", "hold", "swap", "container started", "release", "watch"],
  ]);
  assert(told.some(({ msg, atRestMs }) => msg === "containers released" && atRestMs !== undefined));
});
