import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../servers/ports.ts";
import { makeSandbox } from "../sandbox.ts";

test("a target that is gone costs a run a few tries, is told once, and does not keep others from it", async (t) => {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await writeFile(join(sandbox.data, "file"), "content");
  const dead = {
    LOG_FORMAT: "json",
    LOG_LEVEL: "debug",
    AWS_S3_BUCKET_NAME: "bucket",
    AWS_ENDPOINT: `127.0.0.1:${await freePort()}`,
    AWS_ENDPOINT_PROTO: "http",
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
  };
  const made = await sandbox.lifeboat(["backup"], dead);
  assert.equal(made.exitCode, 3, made.stderr);
  assert.match(made.stdout, /s3:bucket: failed: .*it cannot be reached/);
  assert.equal((await sandbox.stored()).length, 3);
  // Two tries of the look; what is shipped and taken back is tried once.
  assert.equal(made.stderr.match(/target failed, trying again/g)?.length, 1, made.stderr);

  const listed = await sandbox.lifeboat(["list"], { ...dead, LOG_LEVEL: "info" });
  assert.equal(listed.exitCode, 3);
  assert.equal(listed.stdout.match(/^warning: target 's3:bucket' cannot be read: .*\(tried 2 times\)/gm)?.length, 1);
  assert.equal(listed.stderr, "");

  const to = join(sandbox.folder, "restored");
  const restored = await sandbox.lifeboat(["restore", "latest", "--to", to], { ...dead, LOG_LEVEL: "info" });
  assert.equal(restored.exitCode, 0, restored.stdout);
  assert.equal(restored.stderr.match(/target cannot be read/g)?.length, 1, restored.stderr);
});
