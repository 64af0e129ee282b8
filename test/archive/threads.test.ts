import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { open, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { WORTH_A_THREAD_BYTES } from "../../src/archive/decrypted-file.ts";
import { compressed } from "../../src/archive/compression.ts";
import { writeEncryptedFile } from "../../src/archive/encrypted-file.ts";
import { openSealed } from "../../src/archive/unseal.ts";
import { Secret } from "../../src/system/secret.ts";
import { live, passphraseKey, passphraseKeys, zst } from "./rig.ts";

/** Files large enough to be opened in a thread of their own behave as small ones do. */
const folder = mkdtempSync(join(tmpdir(), "lifeboat-threads-"));
const path = join(folder, "large.tar.gpg");
const content = randomBytes(WORTH_A_THREAD_BYTES + 1);

before(async () => {
  await writeEncryptedFile(path, cut(content, 70_001), passphraseKey, live);
  assert.ok((await stat(path)).size > WORTH_A_THREAD_BYTES);
});
after(() => rm(folder, { recursive: true }));

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function digestOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}

/** Flips one bit, and flips it back when disposed of. */
async function damage(at: number): Promise<AsyncDisposable> {
  const flip = async () => {
    await using file = await open(path, "r+");
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
  };
  await flip();
  return { [Symbol.asyncDispose]: flip };
}

test("a large file gives what was sealed, and its size and digest are those of the file", async () => {
  assert.equal(
    await digestOf(await openSealed(path, passphraseKeys, live)),
    createHash("sha256").update(content).digest("hex"),
  );
});

test("what a large file without compression gives may be kept", async () => {
  const chunks: Buffer[] = [];
  for await (const chunk of await openSealed(path, passphraseKeys, live)) chunks.push(chunk);
  assert.ok(Buffer.concat(chunks).equals(content));
});

test("a large file that is compressed gives what was sealed", async () => {
  const packed = join(folder, "large.tar.zst.gpg");
  await writeEncryptedFile(packed, compressed(cut(content, 300_000), zst, 1, live), passphraseKey, live);
  assert.equal(
    await digestOf(await openSealed(packed, passphraseKeys, live)),
    createHash("sha256").update(content).digest("hex"),
  );
});

test("a wrong passphrase is told before a byte is given", async () => {
  await assert.rejects(openSealed(path, { passphrase: new Secret("not it") }, live), { kind: "wrong-key" });
});

for (const [where, at] of [
  ["the middle", WORTH_A_THREAD_BYTES / 2],
  ["the last part", WORTH_A_THREAD_BYTES],
] as const) {
  test(`a bit flipped in ${where} never reaches the end, and the file is named`, async () => {
    await using _ = await damage(at);
    const bytes = await openSealed(path, passphraseKeys, live);
    await assert.rejects(digestOf(bytes), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, "verification-failed");
      assert.match(error.message, /large\.tar\.gpg/);
      assert.match(String(error.cause), /integrity code does not match/);
      return true;
    });
  });
}

test("a file that is cut off while it is read never reaches the end", async () => {
  const bytes = await openSealed(path, passphraseKeys, live);
  // Its first bytes are there already; the rest is not.
  await truncate(path, WORTH_A_THREAD_BYTES / 2);
  await assert.rejects(digestOf(bytes), { kind: "verification-failed" });
  await rm(path);
  await writeEncryptedFile(path, cut(content, 1_000_000), passphraseKey, live);
});

test("an abort ends the thread, and rejects with the reason", async () => {
  const stop = new AbortController();
  const bytes = await openSealed(path, passphraseKeys, stop.signal);
  await assert.rejects(async () => {
    for await (const _ of bytes) stop.abort(new Error("the operator changed his mind"));
  }, /changed his mind/);
});

test("a reader that stops early leaves nothing running", async () => {
  for await (const first of await openSealed(path, passphraseKeys, live)) {
    assert.ok(first.length > 0);
    break;
  }
  const running = () => process.getActiveResourcesInfo().filter((name) => /MessagePort|Worker/.test(name));
  assert.deepEqual(running(), []);
});
