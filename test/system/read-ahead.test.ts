import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { digestOfFile } from "../../src/system/digest.ts";
import { readAhead } from "../../src/system/read-ahead.ts";

const never = new AbortController().signal;

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lifeboat-read-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

for (const sizeBytes of [0, 1, 512 * 1024, 512 * 1024 + 1, 5_000_001]) {
  test(`${sizeBytes} bytes have the digest that other programs find`, async (t) => {
    const path = join(await temporaryFolder(t), "file");
    await writeFile(path, randomBytes(sizeBytes));
    const progress: number[] = [];
    const found = await digestOfFile(path, never, (total) => progress.push(total));
    const expected = execFileSync("sha256sum", [path]).toString().slice(0, 64);
    assert.deepEqual(found, { sizeBytes, sha256: expected });
    assert.equal(progress.at(-1) ?? 0, sizeBytes);
    assert.deepEqual(await digestOfFile(path, never), found);
  });
}

test("what is given does not change while it is worked on", async (t) => {
  const path = join(await temporaryFolder(t), "file");
  const content = randomBytes(3_000_000);
  await writeFile(path, content);
  await using file = await open(path);
  const hash = createHash("sha256");
  for await (const bytes of readAhead(file, never)) {
    const [first] = bytes;
    // The next read ends meanwhile.
    await file.stat();
    await file.stat();
    assert.equal(bytes[0], first);
    hash.update(bytes);
  }
  assert.equal(hash.digest("hex"), createHash("sha256").update(content).digest("hex"));
});

test("a symbolic link is not followed", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "file"), "content");
  await symlink("file", join(folder, "link"));
  await assert.rejects(digestOfFile(join(folder, "link"), never), { code: "ELOOP" });
});

test("a read that hangs is left at once when the signal aborts, with its reason", async (t) => {
  const pipe = join(await temporaryFolder(t), "pipe");
  execFileSync("mkfifo", [pipe]);
  // Open for both, so that neither opening nor reading ends.
  const file = await open(pipe, "r+");
  const stop = new AbortController();
  const next = readAhead(file, stop.signal).next();
  stop.abort(new Error("the run was ended"));
  await assert.rejects(next, /the run was ended/);
  await file.write(Buffer.alloc(1));
  await file.close();
});
