import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Interrupted, LifeboatError } from "../../src/errors.ts";
import { settle, type Ended } from "../../src/report/outcome.ts";
import { Secret } from "../../src/system/secret.ts";

const ended: Ended = {
  command: "backup",
  startedAt: new Date(0),
  finishedAt: new Date(1000),
  steps: [{ name: "seal", tookMs: 5 }],
  warnings: [],
  leftDown: [],
  failure: undefined,
};
const verdict = (more: Partial<Ended>) => {
  const { outcome, exitCode } = settle({ ...ended, ...more });
  return `${outcome} ${exitCode}`;
};

suite("the outcome of a run", () => {
  test("is succeeded and 0 when there is nothing to say", () => {
    assert.deepEqual(settle({ ...ended, backupId: "ab" }), {
      command: "backup",
      startedAt: new Date(0),
      finishedAt: new Date(1000),
      steps: [{ name: "seal", tookMs: 5 }],
      warnings: [],
      notes: [],
      leftDown: [],
      targets: [],
      backupId: "ab",
      outcome: "succeeded",
      exitCode: 0,
    });
  });

  test("is degraded and 3 with a warning", () => {
    assert.equal(verdict({ warnings: ["one target failed"] }), "degraded 3");
  });

  test("is failed and the failure's own code, through all its causes, with a failure", () => {
    assert.equal(verdict({ failure: new Error("bug") }), "failed 1");
    assert.equal(verdict({ failure: new LifeboatError("wrong-key", "no"), warnings: ["x"] }), "failed 12");
    assert.equal(verdict({ failure: new Error("x", { cause: new LifeboatError("locked", "y") }) }), "failed 11");
    assert.equal(verdict({ failure: new Interrupted("SIGTERM") }), "failed 143");
    assert.equal(verdict({ failure: new Interrupted("SIGINT") }), "failed 130");
  });

  test("has code 14 whenever a container was left down", () => {
    assert.equal(verdict({ leftDown: ["db"] }), "degraded 14");
    assert.equal(verdict({ leftDown: ["db"], warnings: ["x"] }), "degraded 14");
    assert.equal(verdict({ leftDown: ["db"], failure: new Error("x") }), "failed 14");
  });

  test("holds what the failure says and what to do, and no secret", () => {
    new Secret("canary-outcome");
    const cause = new LifeboatError("failed", "login with canary-outcome failed", { hint: "Check canary-outcome." });
    const report = settle({
      ...ended,
      failure: new Error("upload failed", { cause }),
      warnings: ["saw canary-outcome"],
    });
    assert.deepEqual(report.failure, { message: "upload failed: login with *** failed", hint: "Check ***." });
    assert.doesNotMatch(JSON.stringify(report), /canary/);
  });
});
