import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { suite, test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import { loggedProgress, terminalProgress } from "../../src/report/progress.ts";
import { tableText, tinted } from "../../src/report/table.ts";
import { durationText, inZone, sizeText, timeText } from "../../src/report/units.ts";
import { silentLog } from "../../src/system/log.ts";

const look = { color: false, timeZone: "UTC" };

suite("text for people", () => {
  test("sizes are binary and never longer than they must be", () => {
    const sizes = [0, 1, 1023, 1024, 1536, 102_348, 1_048_575, 1_048_576, 1.5 * 2 ** 30, 5 * 2 ** 50];
    assert.deepEqual(sizes.map(sizeText), [
      "0 B",
      "1 B",
      "1023 B",
      "1.0 KiB",
      "1.5 KiB",
      "99.9 KiB",
      "1.0 MiB",
      "1.0 MiB",
      "1.5 GiB",
      "5.0 PiB",
    ]);
  });

  test("times are those of the zone's clocks, also for zones and years with odd ones", () => {
    const times: readonly (readonly [string, string, string])[] = [
      ["2026-03-29T00:59:59.999Z", "Europe/Berlin", "2026-03-29 01:59:59 GMT+1"],
      ["2026-03-29T01:00:00.000Z", "Europe/Berlin", "2026-03-29 03:00:00 GMT+2"],
      ["2026-10-03T15:29:59.000Z", "Australia/Lord_Howe", "2026-10-04 01:59:59 GMT+10:30"],
      ["2026-10-03T15:30:00.000Z", "Australia/Lord_Howe", "2026-10-04 02:30:00 GMT+11"],
      ["2026-01-01T00:16:01.000Z", "Asia/Kathmandu", "2026-01-01 06:01:01 GMT+5:45"],
      ["1969-12-31T23:59:59.500Z", "UTC", "1969-12-31 23:59:59 UTC"],
      ["1877-01-14T15:07:30.316Z", "Europe/Berlin", "1877-01-14 16:00:58 GMT+0:53:28"],
    ];
    for (const [at, zone, text] of times) {
      assert.equal(timeText(new Date(at), zone), text);
      assert.equal(timeText(new Date(at), zone), text, "once more, from what was formatted");
    }
  });

  test("durations are in the unit that fits", () => {
    const times = [0, 850, 4210, 59_949, 59_960, 200_000, 3_599_900, 7_500_000];
    assert.deepEqual(times.map(durationText), [
      "0 ms",
      "850 ms",
      "4.2 s",
      "59.9 s",
      "1 min 0 s",
      "3 min 20 s",
      "1 h 0 min",
      "2 h 5 min",
    ]);
  });

  test("times are in the zone asked for, which is named", () => {
    const at = new Date("2026-03-29T01:00:00Z");
    assert.equal(timeText(at, "UTC"), "2026-03-29 01:00:00 UTC");
    assert.equal(timeText(at, "Europe/Berlin"), "2026-03-29 03:00:00 GMT+2");
    assert.equal(timeText(at, "Asia/Kolkata"), "2026-03-29 06:30:00 GMT+5:30");
  });

  test("times in sentences are in that form too, and names that look like one are left alone", () => {
    const zoned = (text: string) => inZone(text, "Asia/Kolkata");
    const at = "2026-03-29T01:00:00.000Z";
    const shown = "2026-03-29 06:30:00 GMT+5:30";
    assert.equal(zoned(`taken at ${at}, due ${at}: (${at}).`), `taken at ${shown}, due ${shown}: (${shown}).`);
    assert.equal(zoned("at 2026-03-29T01:00:00Z"), `at ${shown}`);
    for (const name of [`'${at}'`, `/data/${at}`, `${at}.log`, `${at}/x`, `app-${at}`, "2026-99-99T01:00:00Z"]) {
      assert.equal(zoned(`file ${name} is there`), `file ${name} is there`);
    }
  });

  test("tables are columns without lines, numbers at the right, nothing a terminal takes for a command", () => {
    const columns = [{ title: "id" }, { title: "size", align: "right" }, { title: "targets" }] as const;
    const rows = [
      ["3fa9c1d2", "1.5 GiB", "local"],
      ["ab\u001b[2J\n", "7 B", ""],
    ];
    const lines = tableText(columns, rows, look).split("\n");
    assert.deepEqual(lines, [
      "id                size  targets",
      "3fa9c1d2       1.5 GiB  local",
      "ab\\u001b[2J\\n      7 B",
    ]);
    assert.deepEqual(tableText(columns, [], look), "id  size  targets");
  });

  test("colours are there only when the look has them", () => {
    assert.equal(tinted("ok", "green", look), "ok");
    assert.equal(tinted("ok", "green", { ...look, color: true }), "\u001b[32mok\u001b[39m");
    assert.match(tableText([{ title: "id" }], [["a"]], { ...look, color: true }), /\u001b\[1mid/);
  });
});

suite("progress", () => {
  test("without a terminal is a log line a minute, and none for what is quick", () => {
    let elapsedMs = 0;
    const told: unknown[] = [];
    const clock = {
      elapsedMs: () => elapsedMs,
      now: () => new Date(0),
      sleep: async () => {},
      every: () => ({ [Symbol.dispose]() {} }),
    };
    const progress = loggedProgress({ ...silentLog, info: (message, fields) => told.push([message, fields]) }, clock);
    {
      using bar = progress.start("ship to local", 1000);
      for (elapsedMs = 0; elapsedMs <= 150_000; elapsedMs += 1000) bar.at(elapsedMs / 150);
    }
    assert.deepEqual(told, [
      ["still at it", { what: "ship to local", doneBytes: 400, totalBytes: 1000, percent: 40 }],
      ["still at it", { what: "ship to local", doneBytes: 800, totalBytes: 1000, percent: 80 }],
    ]);
  });

  test("on a terminal is a bar for each thing under way, and log lines go between them", async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 30 });
    let shown = "";
    terminal.setEncoding("utf8").on("data", (text: string) => (shown += text));
    const progress = terminalProgress(terminal);
    const one = progress.start("ship to a", 2048);
    const two = progress.start("ship to b");
    one.at(1024);
    two.at(5);
    progress.lines.write("a line of the log\n");
    const deadline = performance.now() + 5000;
    while (!/50 %.*ship to b {2}5 B/s.test(shown) && performance.now() < deadline) await immediate();
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    two[Symbol.dispose]();
    progress.lines.write("after the bars\n");
    await immediate();
    assert.match(shown, /█{12}░{12} {2}50 % {2}ship to a {2}1\.0 KiB of 2\.0 KiB/);
    assert.match(shown, /ship to b {2}5 B/);
    assert.match(shown, /a line of the log\n/);
    assert.ok(shown.endsWith("after the bars\n"));
  });
});
