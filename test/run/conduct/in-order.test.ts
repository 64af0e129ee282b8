import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder } from "../../../src/run/conduct/in-order.ts";

const never = new AbortController().signal;

test("results come in the order of the items, and no more are under way than may be", async () => {
  let [underWay, most] = [0, 0];
  const ends: (() => void)[] = [];
  const work = async (item: number) => {
    most = Math.max(most, ++underWay);
    // The last that was begun is over first.
    if (ends.length < 2) await new Promise<void>((resolve) => ends.push(resolve));
    else for (const end of ends.toReversed()) end();
    underWay -= 1;
    return item * 10;
  };
  const results: number[] = [];
  for await (const result of inOrder([1, 2, 3, 4, 5], 3, work, never)) results.push(result);
  assert.deepEqual(results, [10, 20, 30, 40, 50]);
  assert.equal(most, 3);
});

test("a failure comes in its turn, and gives up what is under way", async () => {
  const given: number[] = [];
  const givenUp: number[] = [];
  const work = (item: number, _: number, signal: AbortSignal) => {
    if (item === 1) return Promise.resolve(item);
    if (item === 2) return Promise.reject(new Error("it is torn"));
    return new Promise<number>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        givenUp.push(item);
        reject(signal.reason as Error);
      });
    });
  };
  const reading = async () => {
    for await (const one of inOrder([1, 2, 3, 4], 3, work, never)) given.push(one);
  };
  await assert.rejects(reading, /it is torn/);
  assert.deepEqual([given, givenUp], [[1], [3, 4]]);
});

test("who stops reading ends the rest", async () => {
  const begun: number[] = [];
  const work = (item: number) => Promise.resolve(begun.push(item));
  for await (const _ of inOrder([1, 2, 3, 4, 5, 6], 2, work, never)) break;
  assert.deepEqual(begun, [1, 2]);
});
