import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { said } from "../../cli/said.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const LABEL = "system_u:object_r:container_file_t:s0:c1,c2";
const attributes = {
  "security.selinux": LABEL,
  "user.note": "mine",
  "security.capability": "0x0100000200040000000000000000000000000000",
};

/** security.* takes root and a file system that has it. */
const mayLabel = process.getuid?.() === 0;

let sandbox: Sandbox;
before(async () => {
  sandbox = await makeSandbox();
  if (!mayLabel) return;
  await mkdir(join(sandbox.data, "app"));
  await writeFile(join(sandbox.data, "app", "file"), "content\n");
  for (const [name, value] of Object.entries(attributes)) {
    await execa("setfattr", ["-n", name, "-v", value, join(sandbox.data, "app", "file")]);
  }
  await execa("setfattr", ["-n", "security.selinux", "-v", LABEL, join(sandbox.data, "app")]);
  assert.equal((await said(["backup"], sandbox.env)).exitCode, 0);
});
after(() => sandbox[Symbol.asyncDispose]());

async function attributesOf(path: string): Promise<readonly string[]> {
  const { stdout } = await execa("getfattr", ["--absolute-names", "-d", "-m", "-", path]);
  return [...stdout.matchAll(/^([a-z_.]+)=/gm)].map(([, name = ""]) => name).sort();
}

test(
  "SELinux labels of the machine that was backed up are left out, and nothing else is",
  { skip: !mayLabel },
  async () => {
    const to = join(sandbox.folder, "here");
    assert.equal((await said(["restore", "latest", "--to", to], sandbox.env)).exitCode, 0);
    assert.deepEqual(await attributesOf(join(to, "app")), []);
    assert.deepEqual(await attributesOf(join(to, "app", "file")), ["security.capability", "user.note"]);
  },
);

test("--keep-labels restores them as they were", { skip: !mayLabel }, async () => {
  const to = join(sandbox.folder, "there");
  assert.equal((await said(["restore", "latest", "--to", to, "--keep-labels"], sandbox.env)).exitCode, 0);
  assert.deepEqual(await attributesOf(join(to, "app", "file")), Object.keys(attributes).sort());
  const { stdout } = await execa("getfattr", ["--only-values", "-n", "security.selinux", join(to, "app")]);
  assert.equal(stdout, LABEL);
});

test("in place, where labels are the backup's anyway, the option is refused", async () => {
  const { exitCode, stderr } = await said(["restore", "latest", "--in-place", "--yes", "--keep-labels"], sandbox.env);
  assert.equal(exitCode, 2);
  assert.match(stderr, /--keep-labels belongs to --to/);
});
