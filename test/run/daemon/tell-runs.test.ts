import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Config } from "../../../src/config/config.ts";
import { tellingRuns } from "../../../src/run/daemon/tell-runs.ts";
import type { Log } from "../../../src/system/log.ts";
import { said } from "../../cli/said.ts";
import { makeSandbox } from "../sandbox.ts";

test("the daemon's log has each command that ran beside it once, with what came of it, and no dry run or run of its own", async (t) => {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await writeFile(join(sandbox.data, "file"), "content\n");
  await sandbox.lifeboat(["backup"]);
  const lines: string[] = [];
  const write = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  const tell = await tellingRuns({ config: { state: sandbox.state } as Config, log });

  const { stdout } = await sandbox.lifeboat(["backup", "--json"]);
  const { backupId } = JSON.parse(stdout) as { backupId: string };
  await sandbox.lifeboat(["prune", "--dry-run"]);
  await sandbox.lifeboat(["forget", backupId]);
  await said(["verify"], sandbox.env);
  await tell();
  assert.equal(lines.length, 2, lines.join("\n"));
  assert.match(
    lines[0] ?? "",
    new RegExp(`^info backup was run by hand, and succeeded {"id":"${backupId}","exitCode":0,`),
  );
  assert.match(
    lines[1] ?? "",
    /^error forget was run by hand, and failed .*"exitCode":1,.*it is the newest good backup/,
  );
  await tell();
  assert.equal(lines.length, 2);
  await writeFile(join(sandbox.state, "ended-runs.json"), "{");
  await tell();
  assert.equal((await sandbox.lifeboat(["verify"])).exitCode, 0);
  await tell();
  assert.match(lines[2] ?? "", /^info verify was run by hand, and succeeded/);
});
