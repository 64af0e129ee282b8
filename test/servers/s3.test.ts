import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./programs.ts";
import { sharedS3Server } from "./s3.ts";

test("the S3 server of the tests is one for all who ask at once, and keeps what it is given", async () => {
  const [server, same] = await Promise.all([sharedS3Server(), sharedS3Server()]);
  assert.equal(server.endpoint, same.endpoint);
  const bucket = await server.makeBucket();
  const env = server.rcloneEnvironment;
  await run("rclone", ["copy", import.meta.filename, `testing:${bucket}/folder`], { env });
  assert.equal(await run("rclone", ["lsf", `testing:${bucket}/folder`], { env }), "s3.test.ts\n");
});
