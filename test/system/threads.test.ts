import assert from "node:assert/strict";
import { test } from "node:test";
import { startThread } from "../../src/system/threads.ts";

const start = (name: string, data = {}) => startThread(`./threads/${name}`, import.meta.url, data);

test("a thread gets its data and gives its answer", async () => {
  await using thread = start("answers", { word: "say it" });
  assert.equal(await thread.answer, "say it again");
  assert.equal(thread.failed.aborted, false);
});

test("what a thread throws is told with the system's code, and aborts its signal", async () => {
  await using thread = start("throws");
  await assert.rejects(thread.answer, { code: "ENOSPC" });
  assert.equal((thread.failed.reason as NodeJS.ErrnoException).code, "ENOSPC");
});

test("a thread that ends without an answer has failed", async () => {
  await using thread = start("leaves");
  await assert.rejects(thread.answer, /the thread '.\/threads\/leaves' ended without an answer/);
});

test("a thread is gone once it is disposed, whatever it does", async () => {
  const thread = start("stays");
  await thread[Symbol.asyncDispose]();
  await assert.rejects(thread.answer, /ended without an answer/);
});
