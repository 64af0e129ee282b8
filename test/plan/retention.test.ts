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
    const chain = [backup("a", 30), backup("b", 20, { parent: "a" }), backup("c", 3, { parent: "b" }), backup("d", 25)];
    assert.equal(kept(chain, 7), "cba|d");
    const { keep } = decideRetention(chain, { days: 7 }, now);
    assert.deepEqual(keep.at(-1)?.reasons, ["'c' stands on it"]);
    assert.equal(kept([backup("a", 30), backup("b", 20, { parent: "a" }), backup("c", 1)], 7), "c|ba");
    assert.equal(kept([backup("a", 3, { parent: "gone" }), backup("b", 2, { parent: null })], 7), "ba|");
  });

  test("a backup from the future makes nothing go, because a clock is wrong", () => {
    assert.equal(kept([backup("a", 400), backup("b", 0), backup("c", -30)], 7), "cba|!");
    const { refused } = decideRetention([backup("a", 1), backup("b", -30)], { days: 7 }, now);
    assert.match(refused ?? "", /'b' is from the future \(2026-12-21T02:00:00.000Z, now is 2026-11-21T02:00:00.000Z\)/);
    assert.equal(kept([backup("a", 400), backup("b", -0.001)], 7), "b|a");
  });

  test("nothing to decide about is nothing to do", () => {
    assert.deepEqual(decideRetention([], { days: 1 }, now), { keep: [], remove: [] });
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
      if (refused !== undefined) assert.equal(remove.length, 0, why);
      const good = backups.filter(({ outcome }) => outcome === "good");
      const newest = Math.max(...good.map(({ takenAt }) => takenAt.getTime()));
      assert.ok(
        good.length === 0 || good.some(({ id, takenAt }) => takenAt.getTime() === newest && keptIds.has(id)),
        why,
      );
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
    return backup(`b${at}`, daysOld, { outcome: random.roll(3) ? "good" : "flawed", parent });
  });
}
