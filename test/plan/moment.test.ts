import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMoment } from "../../src/plan/moment.ts";

const berlin = (text: string) => parseMoment(text, "Europe/Berlin").toISOString();

test("a time is that of the wall clocks of the zone, or has an offset of its own", () => {
  assert.equal(berlin("2026-02-14 02:00"), "2026-02-14T01:00:00.000Z");
  assert.equal(berlin("2026-07-14T02:00:30"), "2026-07-14T00:00:30.000Z");
  assert.equal(berlin("2026-07-14T02:00:30Z"), "2026-07-14T02:00:30.000Z");
  assert.equal(berlin("2026-07-14T02:00:30.5+05:00"), "2026-07-13T21:00:30.500Z");
});

test("of the two when clocks are put back the later is meant, so that no backup of that hour is passed over", () => {
  assert.equal(berlin("2026-10-25 02:30"), "2026-10-25T01:30:00.000Z");
});

test("a time as it is shown, with the name of the zone, is that very instant", () => {
  assert.equal(berlin("2026-02-14 02:00:00 GMT+1"), "2026-02-14T01:00:00.000Z");
  assert.equal(berlin("2026-10-25 02:30:00 GMT+2"), "2026-10-25T00:30:00.000Z");
  assert.equal(parseMoment("2026-02-14 02:00:00 UTC", "UTC").toISOString(), "2026-02-14T02:00:00.000Z");
  assert.throws(() => berlin("2026-02-14 02:00:00 GMT+2"), { kind: "usage" });
});

for (const text of ["", "yesterday", "2026-02-30 02:00", "2026-02-14", "2026-02-14 25:00", "14.2.2026 02:00"]) {
  test(`'${text}' is no time`, () => {
    assert.throws(() => parseMoment(text, "Europe/Berlin"), { kind: "usage", message: `'${text}' is not a time` });
  });
}
