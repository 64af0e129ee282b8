import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  archiveKey,
  backupStem,
  indexKey,
  isLongOver,
  nextStem,
  parseKey,
  pinKey,
  receiptKey,
  straysToCome,
} from "../../src/plan/names.ts";
import { dice } from "./random.ts";

const takenAt = new Date("2026-11-21T22:04:52.999Z");
const stem = "irc-20261121T220452Z-full";

suite("keys", () => {
  test("are name, UTC time to the second, kind, part, compression and encryption", () => {
    assert.equal(backupStem("irc", takenAt, "full"), stem);
    assert.equal(archiveKey(stem, "zst", true), `${stem}.tar.zst.gpg`);
    assert.equal(archiveKey(stem, "gz", false), `${stem}.tar.gz`);
    assert.equal(archiveKey(stem, "none", false), `${stem}.tar`);
    assert.equal(indexKey(stem, "zst", true), `${stem}.index.zst.gpg`);
    assert.equal(indexKey(stem, "none", true), `${stem}.index.gpg`);
    assert.equal(receiptKey(stem), `${stem}.receipt.json`);
  });

  test("are read back as what they are, for every name, kind, compression and encryption", () => {
    for (const name of ["irc", "a-b", "a.b_c", "x-20260101T000000Z-full"]) {
      for (const kind of ["full", "incr"] as const) {
        const one = backupStem(name, takenAt, kind);
        const known = { stem: one, kind, takenAt: new Date("2026-11-21T22:04:52Z") };
        for (const compression of ["zst", "gz", "none"] as const) {
          for (const encrypted of [true, false]) {
            assert.deepEqual(parseKey(archiveKey(one, compression, encrypted), name), { ...known, part: "archive" });
            assert.deepEqual(parseKey(indexKey(one, compression, encrypted), name), { ...known, part: "index" });
          }
        }
        assert.deepEqual(parseKey(receiptKey(one), name), { ...known, part: "receipt" });
        assert.deepEqual(parseKey(pinKey(one), name), { ...known, part: "pin" });
      }
    }
  });

  test("of another name, or of nobody, are not ours", () => {
    for (const key of [
      "",
      "irc",
      stem,
      `${stem}.tar.zst.gpg.partial`,
      `.${stem}.tar`,
      `${stem}.receipt.json.gpg`,
      `${stem}.tar.bz2`,
      "irc-20261321T220452Z-full.tar",
      "irc-20261121T250452Z-full.tar",
      "irc-20261121T220452Z-diff.tar",
      "irc2-20261121T220452Z-full.tar",
      "my-irc-20261121T220452Z-full.tar",
      "irc-dev-20261121T220452Z-full.tar",
      `${stem}.receipt`,
      `${stem}.tar\n`,
      "notes.txt",
      `${stem}.`,
      "irc-2026-11-21T22-04-52.tar.gz",
    ]) {
      assert.equal(parseKey(key, "irc"), undefined, key);
    }
  });
});

suite("the next stem", () => {
  const next = (time: string, backups: readonly string[], strays: readonly string[] = []) =>
    nextStem({ name: "irc", kind: "full", takenAt: new Date(time) }, { backups, strays });

  test("is that of its time when nothing is newer", () => {
    assert.equal(next("2026-11-21T22:04:52Z", []), stem);
    assert.equal(next("2026-11-21T22:04:53Z", [stem]), "irc-20261121T220453Z-full");
    assert.equal(next("2026-11-21T22:04:52Z", ["other-20991121T220452Z-full", "irc-garbage"]), stem);
  });

  test("is a second after the newest when the clock is a little behind it, or when both fall into one second", () => {
    assert.equal(next("2026-11-21T22:04:52.900Z", [stem]), "irc-20261121T220453Z-full");
    assert.equal(next("2026-11-21T22:00:00Z", [stem]), "irc-20261121T220453Z-full");
    assert.equal(next("2026-11-21T22:00:00Z", ["irc-20261121T220452Z-incr"]), "irc-20261121T220453Z-full");
  });

  test("is refused when the clock is far behind the newest backup", () => {
    assert.throws(() => next("2026-11-21T21:04:52Z", [stem]), {
      kind: "failed",
      message:
        /the clock says 2026-11-21T21:04:52.000Z, which is behind the newest backup of 'irc' \(2026-11-21T22:04:52.000Z\), 'irc-20261121T220452Z-full'/,
    });
  });

  test("is not kept from its time by a stray from the future, and never has that of a stray", () => {
    const year2099 = "irc-20991231T000000Z-full";
    assert.equal(next("2026-11-21T22:04:52Z", [], [year2099]), stem);
    const strays = [stem, "irc-20261121T220453Z-incr", year2099];
    assert.equal(next("2026-11-21T22:04:52Z", [], strays), "irc-20261121T220454Z-full");
    assert.equal(next("2026-11-21T22:04:51Z", [stem], strays), "irc-20261121T220454Z-full");
  });

  test("sorts after every existing one, whatever the clock does within its bounds", () => {
    const random = dice();
    const stems: string[] = [];
    let clock = takenAt.getTime();
    for (let run = 0; run < 500; run++) {
      clock += random.roll(240_000) - 100_000;
      try {
        const kind = random.roll(2) ? "full" : "incr";
        stems.push(nextStem({ name: "irc", kind, takenAt: new Date(clock) }, { backups: stems, strays: [] }));
      } catch {
        clock += 600_000; // Refused for a clock too far behind, which it now no longer is.
      }
    }
    assert.deepEqual(stems, stems.toSorted(), `TEST_SEED=${random.seed}`);
    assert.equal(new Set(stems).size, stems.length, `TEST_SEED=${random.seed}`);
  });
});

test("a part is long over a day after its run began, under this very name only", () => {
  const now = new Date("2026-11-02T02:00:00Z");
  const isOver = (key: string) => isLongOver(key, "stack", now);
  assert.ok(isOver("stack-20261101T015959Z-full.tar.zst.gpg"));
  assert.ok(!isOver("stack-20261101T020001Z-full.tar.zst.gpg"));
  assert.ok(!isOver("stack-two-20260101T000000Z-full.tar.zst.gpg"));
  assert.ok(!isOver("download-of-somebody"));
});

test("strays are of a time to come if they are further ahead than a clock is put right by", () => {
  const strays = [stem, "irc-20261121T220900Z-full", "irc-20261121T221000Z-incr", "irc-20991231T000000Z-full", "irc-x"];
  const found = straysToCome(strays, "irc", new Date("2026-11-21T22:04:52Z"));
  assert.deepEqual(found, strays.slice(2, 4));
});
