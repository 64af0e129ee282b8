import assert from "node:assert/strict";
import { test } from "node:test";
import { decideKind, type FullBackup } from "../../src/plan/kind.ts";

const sundays = { fullCronExpression: "0 2 * * 0", timeZone: "Europe/Berlin" };
const at = (iso: string) => new Date(iso);
const full = (id: string, iso: string, outcome: FullBackup["outcome"] = "good"): FullBackup => {
  return { id, outcome, takenAt: at(iso) };
};
/** 2026-11-22 is a Sunday; at two o'clock it is one o'clock in UTC. */
const sunday = full("sunday", "2026-11-22T01:00:03Z");
const wednesday = at("2026-11-25T01:00:00Z");
const shelf = (target: string, fulls: readonly FullBackup[] | undefined) => ({ target, fulls });

test("a run between two full ones stands on the newest, until the next is due", () => {
  const decide = (now: string) =>
    decideKind(sundays, [shelf("a", [full("old", "2026-11-15T01:00:00Z"), sunday])], at(now));
  for (const now of ["2026-11-22T01:30:00Z", "2026-11-25T01:00:00Z", "2026-11-29T00:59:59Z"]) {
    assert.deepEqual(decide(now), { kind: "incr", on: "sunday" });
  }
  const reason = "a full backup is due since 2026-11-29T01:00:00.000Z";
  assert.deepEqual(decide("2026-11-29T01:00:00Z"), { kind: "full", reason });
  assert.deepEqual(decide("2026-12-01T01:00:00Z"), { kind: "full", reason });
});

test("a full one made in between counts, and so does the zone of the schedule", () => {
  const asked = full("asked", "2026-11-29T00:30:00Z");
  const decide = (timeZone: string) => {
    return decideKind({ ...sundays, timeZone }, [shelf("a", [sunday, asked])], at("2026-11-29T01:30:00Z")).kind;
  };
  assert.equal(decide("Europe/Berlin"), "full");
  assert.equal(decide("UTC"), "incr");
});

for (const [what, shelves, reason] of [
  ["no full backup", [shelf("a", [])], /^there is no full backup yet$/],
  ["one that only some targets have", [shelf("a", [sunday]), shelf("b", [])], /^no full backup is on every target$/],
  ["a target that cannot be read", [shelf("a", [sunday]), shelf("b", undefined)], /^target 'b' cannot be read/],
  ["one with flaws", [shelf("a", [full("flawed", "2026-11-22T01:00:03Z", "flawed")])], /is without flaws$/],
  [
    "a newer one that only some have, and an older one that all have",
    [shelf("a", [full("old", "2026-11-15T01:00:03Z"), sunday]), shelf("b", [full("old", "2026-11-15T01:00:03Z")])],
    /^a full backup is due since 2026-11-22/,
  ],
] as const) {
  test(`nothing stands on ${what}`, () => {
    const decision = decideKind(sundays, shelves, wednesday);
    assert(decision.kind === "full");
    assert.match(decision.reason, reason);
  });
}
