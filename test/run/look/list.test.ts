import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { said } from "../../cli/said.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

interface Listed {
  readonly backups: readonly { readonly id: string; readonly takenAt: string }[];
}

let sandbox: Sandbox;
before(async () => {
  sandbox = await makeSandbox();
  await writeFile(join(sandbox.data, "file"), "content\n");
  for (let count = 0; count < 3; count++) assert.equal((await said(["backup"], sandbox.env)).exitCode, 0);
});
after(() => sandbox[Symbol.asyncDispose]());

async function listed(...args: string[]): Promise<Listed["backups"]> {
  const { exitCode, stdout, stderr } = await said(["list", "--json", ...args], sandbox.env);
  assert.equal(exitCode, 0, stderr);
  return (JSON.parse(stdout) as Listed).backups;
}

test("list --latest shows the newest so many, list --since those taken from then on", async () => {
  const all = await listed();
  assert.equal(all.length, 3);
  assert.deepEqual(await listed("--latest", "2"), all.slice(1));
  assert.deepEqual(await listed("--latest", "9"), all);
  assert.deepEqual(await listed("--since", all[1]!.takenAt), all.slice(1));
  assert.deepEqual(await listed("--since", all[0]!.takenAt, "--latest", "1"), all.slice(2));
  assert.deepEqual(await listed("--since", "2020-01-01"), all);
  assert.deepEqual(await listed("--since", "2999-01-01"), []);
});

test("an error has its times in TZ, as the list has, and what the list shows is taken", async () => {
  const env = { ...sandbox.env, TZ: "Asia/Kolkata" };
  const { stdout } = await said(["restore", "latest", "--at", "2020-01-01 00:00", "--to", "/x/y"], env);
  const shown = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\+5:30`;
  assert.match(stdout, /no backup taken at or before 2020-01-01 00:00:00 GMT\+5:30\n/);
  assert.match(stdout, new RegExp(`The oldest there is was taken at ${shown}\\.$`, "m"));
  const [first = ""] = new RegExp(shown).exec((await said(["list"], env)).stdout) ?? [];
  assert.equal((await said(["list", "--since", first], env)).exitCode, 0);
});

test("a number or a time that is none is a usage error", async () => {
  for (const [option, value] of [
    ["--latest", "0"],
    ["--latest", "many"],
    ["--since", "yesterday"],
  ]) {
    const { exitCode, stderr } = await said(["list", option!, value!], sandbox.env);
    assert.equal(exitCode, 2);
    assert.match(stderr, new RegExp(`'${value}' is (not a time|no number of backups)`));
  }
});

test("backups of another passphrase are counted, in one line, not called broken", async () => {
  const env = { ...sandbox.env, GPG_PASSPHRASE_FILE: "", GPG_PASSPHRASE: "not the right passphrase" };
  const { exitCode, stdout } = await said(["list"], env);
  assert.equal(exitCode, 3);
  assert.match(
    stdout,
    /^no backups\nwarning: 3 backups on '\S+' that this passphrase does not open: the newest '\S+'\n$/,
  );
});
