import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { receivedBytes, sendBytes } from "../../src/archive/parts.ts";

const never = new AbortController().signal;

for (const sizes of [[], [1], [256 * 1024], [256 * 1024 - 1, 2, 0, 5], [3_000_000, 1], Array<number>(5000).fill(777)]) {
  test(`chunks of ${sizes.slice(0, 4).join(", ") || "nothing"} bytes arrive whole and in order`, async () => {
    const chunks = sizes.map((size) => randomBytes(size));
    const { port1, port2 } = new MessageChannel();
    const [, received] = await Promise.all([sendBytes(each(chunks), port1, never), digestOf(receivedBytes(port2))]);
    port1.close();
    assert.equal(received, createHash("sha256").update(Buffer.concat(chunks)).digest("hex"));
  });
}

test("the sender is never further ahead than its parts", async () => {
  const { port1, port2 } = new MessageChannel();
  let sentBytes = 0;
  const stop = new AbortController();
  const endless = async function* () {
    for (;;) {
      sentBytes += 100_000;
      yield Buffer.alloc(100_000);
    }
  };
  const sending = sendBytes(endless(), port1, stop.signal);
  const first = await receivedBytes(port2).next();
  assert.equal(first.value?.length, 256 * 1024);
  stop.abort(new Error("enough"));
  await assert.rejects(sending, (error) => error === stop.signal.reason);
  assert.ok(sentBytes <= 9 * 256 * 1024 + 100_000, `${sentBytes} bytes were taken`);
  port1.close();
});

test("bytes that break off reject, and the other side never sees an end", async () => {
  const { port1, port2 } = new MessageChannel();
  const broken = async function* () {
    yield Buffer.alloc(300_000);
    throw new Error("the disk broke");
  };
  await assert.rejects(sendBytes(broken(), port1, never), /the disk broke/);
  const received = receivedBytes(port2);
  assert.equal((await received.next()).value?.length, 256 * 1024);
  const next = received.next();
  const end = Symbol("nothing more came");
  port1.close();
  assert.equal(await Promise.race([next, new Promise((resolve) => port2.once("close", () => resolve(end)))]), end);
});

async function* each(chunks: readonly Buffer[]): AsyncGenerator<Buffer, void> {
  yield* chunks;
}

async function digestOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}
