import assert from "node:assert/strict";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { generateKey } from "openpgp";
import { contentsOf, fillWithData, makeSandbox, type Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
let locked: Record<string, string>;
let opened: Record<string, string>;

before(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
  const { publicKey, privateKey } = await generateKey({ userIDs: [{ name: "backup" }], passphrase: "key passphrase" });
  locked = { GPG_PASSPHRASE_FILE: "", GPG_PUBLIC_KEY_RING: publicKey };
  opened = { ...locked, GPG_PRIVATE_KEY: privateKey, GPG_PRIVATE_KEY_PASSPHRASE: "key passphrase" };
  const { exitCode, stderr } = await sandbox.lifeboat(["backup"], locked);
  assert.equal(exitCode, 0, stderr);
});
after(() => sandbox[Symbol.asyncDispose]());

test("a sidecar that cannot read its own backups verifies that they are the bytes it sealed", async () => {
  const { exitCode, stdout } = await sandbox.lifeboat(["verify", "--read"], locked);
  assert.equal(exitCode, 0, stdout);
  assert.match(stdout, /stored: .*takes the private key/);
});

test("and restoring without the private key ends with exit code 12, nothing made", async () => {
  const to = join(sandbox.folder, "without-key");
  const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--to", to], locked);
  assert.equal(exitCode, 12, stderr);
  await assert.rejects(stat(to), /ENOENT/);
});

test("with the private key it is read, and restored", async () => {
  assert.match((await sandbox.lifeboat(["verify", "--read"], opened)).stdout, /read: every byte/);
  const to = join(sandbox.folder, "with-key");
  const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--to", to], opened);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(await contentsOf(to), await contentsOf(sandbox.data));
});

test("a flipped bit is found without the private key", async () => {
  const name = (await sandbox.stored()).find((each) => each.endsWith(".tar.zst.gpg")) ?? "";
  const file = await open(join(sandbox.archive, name), "r+");
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 5000);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 5000);
  await file.close();
  const { exitCode, stdout } = await sandbox.lifeboat(["verify"], locked);
  assert.equal(exitCode, 13, stdout);
  assert.match(stdout, /is damaged/);
});
