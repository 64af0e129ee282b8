import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fillWithData, makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function backUp(): Promise<{ exitCode: number | undefined; warnings: readonly string[] }> {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["backup", "--json"]);
  const { outcome, warnings } = JSON.parse(stdout) as { outcome: string; warnings: string[] };
  assert.notEqual(outcome, "failed", stderr);
  return { exitCode, warnings };
}

test("a stray file from the future is named, and stops no backup", async () => {
  await writeFile(join(sandbox.archive, "stack-20991231T000000Z-full.tar.zst.gpg"), "");
  await writeFile(join(sandbox.archive, "stack-20991231T000000Z-full.index.zst.gpg"), "");
  for (const _ of [1, 2]) {
    const { exitCode, warnings } = await backUp();
    assert.equal(exitCode, 3);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^'stack-2099.*' and 'stack-2099.*' on '.*archive' .* for a time to come/);
  }
  assert.equal((await sandbox.stored()).filter((name) => name.endsWith(".receipt.json")).length, 2);
});

test("a backup under the name of a later one stops none either, and is told", async () => {
  await backUp();
  for (const name of await sandbox.stored()) {
    await cp(join(sandbox.archive, name), join(sandbox.archive, name.replace(/\d{8}T\d{6}Z/, "20991231T000000Z")));
  }
  const { exitCode, warnings } = await backUp();
  assert.equal(exitCode, 3);
  assert.match(warnings.join("\n"), /^'stack-2099.*' is no backup: .* is that of 'stack-/);
});

test("what an earlier run left without a receipt is no stranger, and its name is not used again", async () => {
  await sandbox.start(["backup"], { LIFEBOAT_FAILPOINT: "ship:index:kill" });
  const left = await sandbox.stored();
  assert.equal(left.length, 2);
  const before = await Promise.all(left.map((name) => readFile(join(sandbox.archive, name))));
  assert.deepEqual(await backUp(), { exitCode: 0, warnings: [] });
  const after = await Promise.all(left.map((name) => readFile(join(sandbox.archive, name))));
  assert.deepEqual(after, before);
});

test("of many broken receipts the first are named, and the rest counted", async () => {
  for (let at = 1; at <= 5; at++) {
    await writeFile(join(sandbox.archive, `stack-2026010${at}T000000Z-full.receipt.json`), "{}");
  }
  const { exitCode, warnings } = await backUp();
  assert.equal(exitCode, 3);
  assert.equal(warnings.length, 4);
  assert.match(warnings[3] ?? "", /^2 more are no backups either: 'lifeboat list' names them/);
});
