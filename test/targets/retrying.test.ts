import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeError, hintOf, LifeboatError } from "../../src/errors.ts";
import { systemClock, type Clock } from "../../src/system/clock.ts";
import type { Log, LogFields } from "../../src/system/log.ts";
import { retrying } from "../../src/targets/retrying.ts";
import { TransientError, type Body, type Target } from "../../src/targets/target.ts";
import { failureOf } from "./bodies.ts";
import { never } from "./tools.ts";

const body: Body = { path: "/nowhere", sizeBytes: 2, sha256: "" };
const passing = () =>
  new LifeboatError("failed", "the connection failed", { hint: "Look.", cause: new TransientError("reset") });

/** A target whose calls of `put` and `list` end with the given errors in turn, undefined and the rest well. */
function failing(...errors: readonly (Error | undefined)[]): Target & { readonly calls: () => number } {
  let calls = 0;
  const put: Target["put"] = async (_key, _body, _signal, onProgress) => {
    onProgress?.(1);
    const error = errors[calls++];
    if (error) throw error;
    onProgress?.(2);
  };
  const list: Target["list"] = async () => {
    const error = errors[calls++];
    if (error) throw error;
    return [];
  };
  const refuse = async () => assert.fail("not asked for");
  return {
    name: "place",
    check: refuse,
    put,
    digest: refuse,
    fetch: refuse,
    readSmall: refuse,
    list,
    remove: refuse,
    sweep: refuse,
    calls: () => calls,
  };
}

function diary() {
  const lines: [string, LogFields | undefined][] = [];
  const waits: number[] = [];
  const log: Log = { debug() {}, info() {}, warn: (message, fields) => void lines.push([message, fields]), error() {} };
  const clock: Clock = {
    ...systemClock,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      waits.push(ms);
    },
  };
  return { lines, waits, log, clock };
}

describe("retrying", () => {
  it("makes a call again after a failure that may pass, and its progress begins anew", async () => {
    const { log, clock, lines } = diary();
    const target = failing(passing(), passing());
    const sent: number[] = [];
    await retrying(target, { attempts: 5, clock, log }).put("key", body, never, (bytes) => sent.push(bytes));
    assert.equal(target.calls(), 3);
    assert.deepEqual(sent, [1, 1, 1, 2]);
    assert.deepEqual(
      lines.map(([message, fields]) => [message, fields?.["target"], fields?.["doing"], fields?.["attempt"]]),
      [
        ["target failed, trying again", "place", "store 'key'", 1],
        ["target failed, trying again", "place", "store 'key'", 2],
      ],
    );
  });

  it("does not try again where that cannot help", async () => {
    const { log, clock, lines } = diary();
    const target = failing(new LifeboatError("failed", "access is denied"));
    const failure = await failureOf(retrying(target, { attempts: 5, clock, log }).put("key", body, never));
    assert.equal(failure.message, "access is denied");
    assert.equal(target.calls(), 1);
    assert.deepEqual(lines, []);
  });

  it("gives up after the last attempt with how many there were, the reason and the hint", async () => {
    const { log, clock } = diary();
    const target = failing(passing(), passing(), passing());
    const failure = await failureOf(retrying(target, { attempts: 3, clock, log }).put("key", body, never));
    assert.equal(target.calls(), 3);
    assert.equal(describeError(failure), "the connection failed (tried 3 times): reset");
    assert.equal(hintOf(failure), "Look.");
  });

  it("waits longer each time, never the same, and at most a minute", async () => {
    const { log, clock, waits } = diary();
    const target = failing(...Array.from({ length: 9 }, passing));
    await retrying(target, { attempts: 10, clock, log }).put("key", body, never);
    const full = [2, 4, 8, 16, 32, 60, 60, 60, 60].map((seconds) => seconds * 1000);
    waits.forEach((wait, index) => assert.ok(wait >= full[index]! / 2 && wait <= full[index]!, `${wait} at ${index}`));
    assert.ok(new Set(waits).size > 5);
  });

  it("asks twice, and where that was in vain makes every call once until one succeeds", async () => {
    const { log, clock, lines } = diary();
    const target = failing(...Array.from({ length: 5 }, passing));
    const patient = retrying(target, { attempts: 5, clock, log });
    const asked = await failureOf(patient.list(never));
    assert.equal(describeError(asked), "the connection failed (tried 2 times): reset");
    assert.equal(target.calls(), 2);
    const stored = await failureOf(patient.put("key", body, never));
    assert.equal(describeError(stored), "the connection failed: reset");
    assert.equal(target.calls(), 3);
    assert.deepEqual(lines, [], "the caller tells it, once");
    await failureOf(patient.list(never));
    await patient.list(never);
    assert.equal(target.calls(), 6);
    await patient.put("key", body, never);
  });

  it("has patience again with a target that answers again", async () => {
    const { log, clock } = diary();
    const target = failing(passing(), passing(), undefined, passing(), passing());
    const patient = retrying(target, { attempts: 5, clock, log });
    await failureOf(patient.list(never));
    await patient.list(never);
    await patient.put("key", body, never);
    assert.equal(target.calls(), 6);
  });

  it("an abort ends the waiting with its reason", async () => {
    const { log } = diary();
    const stop = new AbortController();
    const clock: Clock = {
      ...systemClock,
      async sleep(_ms, signal) {
        stop.abort(new Error("stopped by the operator"));
        signal?.throwIfAborted();
      },
    };
    const target = failing(passing(), passing());
    await assert.rejects(
      retrying(target, { attempts: 5, clock, log }).put("key", body, stop.signal),
      /stopped by the operator/,
    );
    assert.equal(target.calls(), 1);
  });
});
