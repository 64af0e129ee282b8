import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { said } from "../../cli/said.ts";
import { main, makeSandbox, type Sandbox } from "../sandbox.ts";

const noise = randomBytes(300_000);

let sandbox: Sandbox;
before(async () => {
  sandbox = await makeSandbox();
  await mkdir(join(sandbox.data, "app"));
  await writeFile(join(sandbox.data, "app", "noise"), noise);
  await writeFile(join(sandbox.data, "app", "two"), "");
  await writeFile(Buffer.concat([Buffer.from(`${sandbox.data}/app/`), Buffer.from([0x6e, 0xff])]), "odd\n");
  await link(join(sandbox.data, "app", "noise"), join(sandbox.data, "app", "same"));
  await symlink("noise", join(sandbox.data, "app", "link"));
  assert.equal((await said(["backup"], sandbox.env)).exitCode, 0);
});
after(() => sandbox[Symbol.asyncDispose]());

const restore = (...args: readonly string[]) => said(["restore", "latest", "--stdout", ...args], sandbox.env);

test("one file comes to standard output byte for byte, under each of its names, and the report does not", async () => {
  for (const name of ["app/noise", "app/same", "backup/app/noise"]) {
    const { exitCode, stdout, stderr } = await execa(
      process.execPath,
      [main, "restore", "latest", "--only", name, "--stdout"],
      { env: sandbox.env, extendEnv: false, reject: false, encoding: "buffer" },
    );
    assert.equal(exitCode, 0, Buffer.from(stderr).toString());
    assert.ok(noise.equals(stdout), name);
    assert.match(Buffer.from(stderr).toString(), /^restore \S+ succeeded in /m);
  }
  assert.equal((await restore("--only", "app/two")).stdout, "");
  assert.equal((await restore("--only", String.raw`app/n\xff`)).stdout, "odd\n");
  const left = await readdir(sandbox.state, { recursive: true });
  assert.deepEqual(
    left.filter((name) => /content|fetched/.test(name)),
    [],
  );
});

test("a disk that takes none of it is told, whatever the size", async () => {
  for (const name of ["app/noise", String.raw`app/n\xff`]) {
    const full = await open("/dev/full", "w");
    const args = [main, "restore", "latest", "--only", name, "--stdout"];
    const { exitCode, stderr } = await execa(process.execPath, args, {
      env: sandbox.env,
      extendEnv: false,
      reject: false,
      stdout: full.fd as 1,
    });
    await full.close();
    assert.notEqual(exitCode, 0, stderr);
    assert.match(stderr, /ENOSPC/, name);
  }
});

test("what is no single file is refused, and says what it is", async () => {
  for (const [path, why] of [
    ["app", /'app' is a folder in the backup, and no file\n.*--to FOLDER/],
    ["app/link", /'app\/link' is a symlink in the backup, to 'noise', and no file/],
    ["app/none", /there is no 'app\/none' in the backup/],
  ] as const) {
    const { exitCode, stdout, stderr } = await restore("--only", path);
    assert.deepEqual([exitCode, stdout], [10, ""]);
    assert.match(stderr, why);
  }
  for (const args of [[], ["--only", "app/noise", "app/two"], ["--only", "app/noise", "--to", "/x"]]) {
    const { exitCode, stdout } = await restore(...args);
    assert.deepEqual([exitCode, stdout], [2, ""]);
  }
});

test("not a byte comes of an archive that is damaged at its very end", async () => {
  const archive = (await sandbox.stored()).find((name) => name.includes(".tar."))!;
  const file = await open(join(sandbox.archive, archive), "r+");
  const { size } = await file.stat();
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  await file.write(Buffer.from([last[0]! ^ 1]), 0, 1, size - 1);
  await file.close();
  const { exitCode, stdout } = await restore("--only", "app/noise");
  assert.deepEqual([exitCode, stdout], [13, ""]);
});
