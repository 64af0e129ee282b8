import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decideRetention, type RetentionCandidate } from "../../src/plan/retention.ts";
import { dice, type Dice } from "./random.ts";

const now = new Date("2026-11-21T02:00:00Z");
const DAY_MS = 86_400_000;

function backup(id: string, daysOld: number, more: Partial<RetentionCandidate> = {}): RetentionCandidate {
  return { id, takenAt: new Date(now.getTime() - daysOld * DAY_MS), outcome: "good", ...more };
}

function kept(backups: readonly RetentionCandidate[], days: number): string {
  const { keep, remove, refused } = decideRetention(backups, { days }, now);
  return `${keep.map(({ id }) => id).join("")}|${remove.map(({ id }) => id).join("")}${refused ? "!" : ""}`;
}

suite("retention", () => {
  test("without a policy everything is kept", () => {
    const { keep, remove } = decideRetention([backup("a", 9999), backup("b", 0)], {}, now);
    assert.deepEqual([keep.length, remove.length], [2, 0]);
  });

  test("what is older than the days goes, newest first, and says why", () => {
    const decision = decideRetention(
      [backup("a", 30), backup("b", 8), backup("c", 7), backup("d", 0)],
      { days: 7 },
      now,
    );
    assert.deepEqual(decision, {
      keep: [
        { id: "d", reasons: ["newest good backup", "at most 7 days old"] },
        { id: "c", reasons: ["at most 7 days old"] },
      ],
      remove: [
        { id: "b", reasons: ["older than 7 days"] },
        { id: "a", reasons: ["older than 7 days"] },
      ],
    });
  });

  test("the newest good backup stays, however old", () => {
    assert.equal(kept([backup("a", 400), backup("b", 300)], 7), "b|a");
    assert.equal(kept([backup("a", 400)], 1), "a|");
  });

  test("a flawed backup never displaces a good one", () => {
    assert.equal(kept([backup("a", 400), backup("b", 300), backup("c", 0, { outcome: "flawed" })], 7), "cb|a");
    assert.equal(kept([backup("a", 300), backup("b", 20, { outcome: "flawed" })], 7), "a|b");
  });

  test("while there is no good backup, nothing goes", () => {
    assert.equal(kept([backup("a", 400, { outcome: "flawed" }), backup("b", 300, { outcome: "flawed" })], 7), "ba|");
  });

  test("a full backup stays as long as an incremental that is kept stands on it", () => {
    const chain = [backup("a", 30), backup("b", 20, { parent: "a" }), backup("c", 6, { parent: "b" }), backup("d", 25)];
    assert.equal(kept(chain, 7), "cba|d");
    const { keep } = decideRetention(chain, { days: 7 }, now);
    assert.deepEqual(keep.at(-1)?.reasons, ["'c' stands on it"]);
    assert.equal(kept([backup("a", 30), backup("b", 20, { parent: "a" }), backup("c", 1)], 7), "c|ba");
    assert.equal(kept([backup("a", 3, { parent: "gone" }), backup("b", 2, { parent: null })], 7), "ba|");
  });

  test("a pinned backup stays whatever the policy says, with what it stands on, and is the newest good one or not", () => {
    const pinned = { pinned: true };
    assert.equal(kept([backup("a", 400, pinned), backup("b", 300), backup("c", 0)], 7), "ca|b");
    assert.equal(kept([backup("a", 400), backup("b", 300, { parent: "a", ...pinned }), backup("c", 0)], 7), "cba|");
    assert.equal(kept([backup("a", 400, { outcome: "flawed", ...pinned }), backup("b", 300)], 7), "ba|");
    const { keep } = decideRetention([backup("a", 400, pinned), backup("b", 0, pinned)], { days: 7 }, now);
    assert.deepEqual(
      keep.map(({ reasons }) => reasons),
      [["newest good backup", "pinned", "at most 7 days old"], ["pinned"]],
    );
  });

  test("old pinned backups are no leap of the clock", () => {
    const old = [backup("b", 400, { pinned: true, parent: "a" }), backup("a", 401)];
    assert.equal(kept([backup("n", 0), backup("m", 1), ...old], 2), "nmba|");
  });

  test("a backup from the future makes nothing go, because a clock is wrong", () => {
    assert.equal(kept([backup("a", 400), backup("b", 0), backup("c", -30)], 7), "cba|!");
    const { refused } = decideRetention([backup("a", 1), backup("b", -30)], { days: 7 }, now);
    assert.match(refused ?? "", /'b' is from the future \(2026-12-21T02:00:00.000Z, now is 2026-11-21T02:00:00.000Z\)/);
    assert.equal(kept([backup("a", 400), backup("b", -0.001)], 7), "b|a");
  });

  test("a clock that leaps ahead removes nothing that was kept before, and is told", () => {
    const daily = Array.from({ length: 9 }, (_, at) => backup(`${9 - at}`, 400 + at));
    assert.equal(kept([backup("n", 0), ...daily], 7), "n98765432|1!");
    const { refused, keep } = decideRetention([backup("n", 0), ...daily], { days: 7 }, now);
    assert.match(
      refused ?? "",
      /no backup between 2025-10-17T.* and 2026-11-21T.* \(400 days\): if the clock is wrong, set it/,
    );
    assert.deepEqual(keep[1]?.reasons, ["at most 7 days old before the leap from 2025-10-17T02:00:00.000Z"]);
  });

  test("after three days a pause longer than the days was one, and what is older goes", () => {
    const before = [backup("b", 21), backup("a", 22)];
    const after = (days: number) => Array.from({ length: days + 1 }, (_, at) => backup(`${days - at}`, at));
    assert.equal(kept([...after(0), ...before], 7), "0ba|!");
    assert.equal(kept([...after(2), ...before], 7), "210ba|!");
    assert.equal(kept([...after(3), ...before], 7), "3210|ba");
  });

  test("a pause that the days cover, and pauses that are the schedule's, are no leap", () => {
    assert.equal(kept([backup("n", 0), backup("b", 21), backup("a", 22)], 30), "nba|");
    assert.equal(
      kept(
        [0, 30, 60, 90].map((age, at) => backup(`${at}`, age)),
        7,
      ),
      "0|123",
    );
    assert.equal(
      kept(
        [0, 14, 20, 26].map((age, at) => backup(`${at}`, age)),
        7,
      ),
      "0|123",
    );
    assert.equal(kept([backup("n", 0), backup("a", 400)], 7), "n|a");
  });

  test("nothing to decide about is nothing to do", () => {
    assert.deepEqual(decideRetention([], { days: 1 }, now), { keep: [], remove: [] });
  });

  test("for any schedule, no leap of the clock removes what was kept, and every leap is forgotten in three days", () => {
    const random = dice();
    for (let round = 0; round < 500; round++) {
      const days = 2 + random.roll(30);
      const everyHours = 1 + random.roll(Math.min(24 * days, 24 * 7) - 1);
      const leapDays = days + (3 * everyHours) / 24 + 1 + random.roll(4000);
      const why = `TEST_SEED=${random.seed} round ${round}: ${JSON.stringify({ days, everyHours, leapDays })}`;
      const count = 2 + random.roll(60);
      const before = Array.from({ length: count }, (_, at) => backup(`b${at}`, leapDays + (at * everyHours) / 24));
      const newest = before[0]!.takenAt;
      const wasKept = decideRetention(before, { days }, newest).keep.map(({ id }) => id);
      const leapt = decideRetention([backup("n", 0), ...before], { days }, now);
      assert.deepEqual(
        leapt.keep.map(({ id }) => id),
        ["n", ...wasKept],
        why,
      );
      assert.match(leapt.refused ?? "", /no backup between/, why);
      const later = new Date(now.getTime() + 3 * DAY_MS);
      const after = Array.from({ length: Math.ceil(72 / everyHours) + 1 }, (_, at) =>
        backup(`a${at}`, -3 + (at * everyHours) / 24),
      );
      const past = after.filter(({ takenAt }) => takenAt >= now);
      const proven = decideRetention([...past, backup("n", 0), ...before], { days }, later);
      const gone = new Set(proven.remove.map(({ id }) => id));
      assert(proven.refused === undefined && before.every(({ id }) => gone.has(id)), why);
    }
  });

  test("the promises hold for any history", () => {
    const random = dice();
    for (let round = 0; round < 2000; round++) {
      const backups = history(random);
      const days = 1 + random.roll(40);
      const { keep, remove, refused } = decideRetention(backups, { days }, now);
      const why = `TEST_SEED=${random.seed} round ${round}: ${JSON.stringify({ backups, days })}`;
      const keptIds = new Set(keep.map(({ id }) => id));

      assert.equal(keep.length + remove.length, backups.length, why);
      assert.equal(new Set([...keptIds, ...remove.map(({ id }) => id)]).size, backups.length, why);
      assert.ok(
        [...keep, ...remove].every(({ reasons }) => reasons.length > 0),
        why,
      );
      assert.ok(backups.length === 0 || keep.length > 0, why);
      const isFuture = backups.some(({ takenAt }) => takenAt.getTime() > now.getTime() + 15 * 60_000);
      if (isFuture) assert.deepEqual([refused === undefined, remove.length], [false, 0], why);
      const good = backups.filter(({ outcome }) => outcome === "good");
      const newest = Math.max(...good.map(({ takenAt }) => takenAt.getTime()));
      assert.ok(
        good.length === 0 || good.some(({ id, takenAt }) => takenAt.getTime() === newest && keptIds.has(id)),
        why,
      );
      for (const { id, pinned } of backups) assert.ok(!pinned || keptIds.has(id), why);
      for (const { id, parent } of backups) {
        if (keptIds.has(id) && parent && backups.some((other) => other.id === parent))
          assert.ok(keptIds.has(parent), why);
      }
      const ages = new Map(backups.map(({ id, takenAt }) => [id, now.getTime() - takenAt.getTime()]));
      for (const { id } of remove) assert.ok((ages.get(id) ?? 0) > days * DAY_MS, why);
      assert.deepEqual(decideRetention(backups.toReversed(), { days }, now).keep.length, keep.length, why);
    }
  });
});

function history(random: Dice): readonly RetentionCandidate[] {
  const count = random.roll(12);
  const isSkewed = random.roll(10) === 0;
  return Array.from({ length: count }, (_, at) => {
    const daysOld = random.roll(80) - (isSkewed ? 10 : 0) + at / 1000;
    const parent = at > 0 && random.roll(2) ? `b${random.roll(at)}` : undefined;
    const pinned = random.roll(8) === 0;
    return backup(`b${at}`, daysOld, { outcome: random.roll(3) ? "good" : "flawed", parent, pinned });
  });
}
