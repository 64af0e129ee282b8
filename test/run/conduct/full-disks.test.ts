import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { said, type Said } from "../../cli/said.ts";
import { mountSmallDisk } from "../../targets/small-disk.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
before(async () => {
  sandbox = await makeSandbox();
  await writeFile(join(sandbox.data, "noise"), randomBytes(3_000_000));
  await writeFile(join(sandbox.folder, "noise.gz"), gzipSync(randomBytes(3_000_000)));
  assert.equal((await said(["backup"], sandbox.env)).exitCode, 0);
});
after(() => sandbox[Symbol.asyncDispose]());

/** `folder` is named as what is full, with what to do, and without a trace of the program. */
function requireNamed({ exitCode, stdout, stderr }: Said, folder: string, cure: RegExp): void {
  const text = `${stdout}${stderr}`;
  assert.equal(exitCode, 1, text);
  assert.match(text, new RegExp(`(not enough space|no space left) in '${folder}'`));
  assert.match(text, cure);
  assert.doesNotMatch(text, /^\s+at |0 bytes$/m);
}

test("a full disk is named by its folder: state, target, destination, and beside a file that is decrypted", async () => {
  await using disk = await mountSmallDisk(sandbox.folder, "1m");
  const [there, file] = [disk.folder, join(sandbox.folder, "noise.gz")];
  const run = (args: readonly string[], env: Record<string, string> = {}) => said(args, { ...sandbox.env, ...env });

  requireNamed(await run(["restore", "latest", "--to", join(there, "x")]), there, /or restore to another volume\./);
  requireNamed(await run(["restore", "--from-file", file, "--to", join(there, "x")]), there, /restore to another/);
  requireNamed(await run(["decrypt", file, "--to", join(there, "noise")]), there, /Free some space there/);
  requireNamed(await run(["backup"], { BACKUP_ARCHIVE: there }), there, /keep fewer backups/);
  assert.deepEqual(await readdir(there), []);

  requireNamed(await run(["backup"], { BACKUP_STATE: there }), there, /BACKUP_STATE says where/);
  await writeFile(join(there, "fill"), Buffer.alloc(1 << 20)).catch(() => {});
  requireNamed(await run(["backup"], { BACKUP_STATE: there }), there, /BACKUP_STATE says where/);
});
