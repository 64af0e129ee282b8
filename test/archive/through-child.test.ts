import assert from "node:assert/strict";
import { test } from "node:test";
import { throughChild } from "../../src/archive/through-child.ts";
import { live } from "./rig.ts";

async function all(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("memory that is used again for each chunk goes through a slow program unchanged", async () => {
  const [pieces, length] = [200, 10_000];
  async function* again(): AsyncGenerator<Buffer, void> {
    const memory = Buffer.alloc(length);
    for (let at = 0; at < pieces; at++) yield memory.fill(at);
  }
  // Until it has started, more has come than a pipe holds.
  const slow = { program: "sh", args: ["-c", "exec cat"] };
  const passed = await all(throughChild(slow, again(), live));
  assert.equal(passed.length, pieces * length);
  for (let at = 0; at < pieces; at++) assert.equal(passed[at * length], at, `chunk ${at}`);
});

test("a program that ends before it has read everything fails, although it exits with 0", async () => {
  async function* endless(): AsyncGenerator<Buffer, void> {
    for (;;) yield Buffer.alloc(1_000_000);
  }
  await assert.rejects(all(throughChild({ program: "true", args: [] }, endless(), live)), { code: "EPIPE" });
});

test("input that fails is the failure, not the program that it leaves without its end", async () => {
  async function* broken(): AsyncGenerator<Buffer, void> {
    yield Buffer.from("beginning");
    throw new Error("the disk is gone");
  }
  await assert.rejects(all(throughChild({ program: "cat", args: [] }, broken(), live)), /the disk is gone/);
});

test("a program that fails is named with its last words", async () => {
  const failing = { program: "sh", args: ["-c", "head -c 5 >/dev/null; echo broken >&2; exit 3"] };
  async function* some(): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < 100; at++) yield Buffer.alloc(100_000);
  }
  await assert.rejects(all(throughChild(failing, some(), live)), /'sh' ended with exit code 3: broken/);
});
