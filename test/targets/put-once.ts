// put-once.ts FOLDER PATH COPY - puts what comes from PATH, and is the same as COPY, under "key"; prints what went wrong.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describeError } from "../../src/errors.ts";
import { openLocalTarget } from "../../src/targets/local.ts";

const [folder, path, copy] = process.argv.slice(2) as [string, string, string];
const content = await readFile(copy);
const body = { path, sizeBytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
try {
  await openLocalTarget({ folder }).put("key", body, new AbortController().signal);
} catch (error) {
  console.log(describeError(error));
}
