import assert from "node:assert/strict";
import { test } from "node:test";
import { sideBySide } from "../../../src/run/conduct/side-by-side.ts";

const never = new AbortController().signal;

test("results come in the order of the items, two of which are worked on at a time", async () => {
  let atWork = 0;
  let most = 0;
  const work = async (item: number) => {
    most = Math.max(most, ++atWork);
    for (let turn = 0; turn < 10 - item; turn++) await Promise.resolve();
    atWork -= 1;
    return item * 10;
  };
  assert.deepEqual(await sideBySide([1, 2, 3, 4, 5], work, never), [10, 20, 30, 40, 50]);
  assert.equal(most, 2);
});

test("the first failure gives up the other, waits for its end, and begins no more", async () => {
  const begun: string[] = [];
  let ended = false;
  const work = async (item: string, _at: number, signal: AbortSignal) => {
    begun.push(item);
    if (item === "bad") throw new Error("it is torn");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended = true;
    throw signal.reason;
  };
  await assert.rejects(sideBySide(["slow", "bad", "next"], work, never), /it is torn/);
  assert.equal(ended, true);
  assert.deepEqual(begun, ["slow", "bad"]);
});
