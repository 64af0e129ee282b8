import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { outputToFile } from "../../../src/sources/postgres/output.ts";
import type { PostgresServer } from "../../../src/sources/postgres/server.ts";
import { ChildError, startChild } from "../../../src/system/children.ts";
import { until } from "../../until.ts";

const folder = await mkdtemp(join(tmpdir(), "lb-output-"));
after(() => rm(folder, { recursive: true, force: true }));
const never = new AbortController().signal;
const call = { program: "pg_dump", args: [], database: "app" } as const;

/** Runs a script in the place of any of PostgreSQL's programs. */
function running(script: string): PostgresServer {
  const start: PostgresServer["start"] = (_call, signal) => {
    const child = startChild({ program: "sh", args: ["-c", script, "sh", folder] }, { signal });
    child.stdin.end();
    return child;
  };
  const ask = () => Promise.reject(new Error("nobody asks"));
  return {
    name: "db",
    user: "app",
    databases: "all",
    dismissed: [],
    entrance: "postgres",
    programs: "server",
    ask,
    start,
  };
}

const MIB = 1024 * 1024;

for (const [size, pieceBytes] of [
  [0, 100],
  [1, 100],
  [300, 7],
  [MIB - 1, 4096],
  [MIB, 4096],
  [MIB + 1, 65_536],
  [3.5 * MIB, 300_000],
] as const) {
  test(`${size} bytes printed in pieces of ${pieceBytes} are in the file, which only its owner may read`, async () => {
    const [source, path] = [join(folder, "source"), join(folder, `copy-${size}`)];
    await writeFile(source, randomBytes(size));
    const server = running(`dd if="$1/source" bs=${pieceBytes} status=none; echo done >&2`);
    assert.equal(await outputToFile(server, call, path, never), "done\n");
    // Not deepEqual, which takes minutes to tell the difference.
    assert((await readFile(path)).equals(await readFile(source)));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });
}

test("a program that printed everything and ended badly is a failure", async () => {
  const ended = outputToFile(running("echo all there is; exit 3"), call, join(folder, "bad"), never);
  await assert.rejects(ended, (error: ChildError) => error.exitStatus === 3);
});

test("a program is not started where its file cannot be made", async () => {
  await writeFile(join(folder, "taken"), "of old");
  const refused = outputToFile(running('touch "$1/started"'), call, join(folder, "taken"), never);
  await assert.rejects(refused, /EEXIST/);
  assert.equal(await readFile(join(folder, "taken"), "utf8"), "of old");
  assert(!existsSync(join(folder, "started")));
});

test("a program under way has ended when its reader is called off", async () => {
  const stop = new AbortController();
  const server = running('echo $$ >"$1/pid.new" && mv "$1/pid.new" "$1/pid"; while echo more; do :; done');
  const writing = outputToFile(server, call, join(folder, "endless"), stop.signal);
  await until("it prints", () => Promise.resolve(existsSync(join(folder, "pid"))));
  stop.abort(new Error("called off"));
  await assert.rejects(writing, /called off/);
  const pid = Number(await readFile(join(folder, "pid"), "utf8"));
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});
