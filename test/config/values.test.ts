import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fine, problemOf, problemsOf, read, worldWith } from "./world.ts";

suite("values", () => {
  test("yes and no have the words people use", () => {
    for (const word of ["true", "1", "yes", "on", "TRUE", "Yes"]) {
      assert.equal(read({ ...fine, BACKUP_ON_START: word }).config.schedule.onStart, true, word);
    }
    for (const word of ["false", "0", "no", "off", "False"]) {
      assert.equal(read({ ...fine, BACKUP_ON_START: word }).config.schedule.onStart, false, word);
    }
    assert.match(problemOf({ BACKUP_ON_START: "y" }), /is neither true nor false/);
  });

  test("durations have a unit, and none is longer than a timer can wait", () => {
    for (const [text, ms] of [
      ["30s", 30_000],
      ["5m", 300_000],
      ["2h", 7_200_000],
      ["7d", 604_800_000],
      ["1h30m", 5_400_000],
      ["500ms", 500],
      ["0", 0],
      ["0s", 0],
    ] as const) {
      assert.equal(read({ ...fine, BACKUP_JITTER: text }).config.schedule.jitterMs, ms, text);
    }
    for (const text of ["5", "5 m", "m", "-5m", "5w", "1.5h", "5M"])
      assert.match(problemOf({ BACKUP_JITTER: text }), /^BACKUP_JITTER/, text);
    assert.match(problemOf({ LOCK_TIMEOUT: "25d" }), /is too long → 24d or less/);
    assert.match(problemOf({ BACKUP_SQLITE_TIMEOUT: "0s" }), /is too short/);
  });

  test("a time zone must exist", () => {
    assert.equal(
      read({ ...fine, TZ: "America/Argentina/Ushuaia" }).config.schedule.timeZone,
      "America/Argentina/Ushuaia",
    );
    for (const zone of ["Foo/Bar", "CET-1CEST", ":Europe/Berlin", "+01:00", "Europe"])
      assert.match(problemOf({ TZ: zone }), /^TZ: is no time zone/, zone);
  });

  test("cron expressions have 5 or 6 fields or a name, spelt out in the Config", () => {
    const expression = (text: string) => read({ ...fine, BACKUP_CRON_EXPRESSION: text }).config.schedule.cronExpression;
    for (const text of [
      "0 2 * * *",
      "*/15 * * * *",
      "30 0 2 * * *",
      "0 2 * * 1-5",
      "0 2 * * sun",
      "0 0 1 */2 *",
      "0 0 29 2 *",
      "0 0 L * *",
      "0 0 ? * 1",
    ]) {
      assert.equal(expression(text), text);
    }
    const names = {
      "@hourly": "0 * * * *",
      "@daily": "0 0 * * *",
      "@weekly": "0 0 * * 0",
      "@monthly": "0 0 1 * *",
      "@yearly": "0 0 1 1 *",
    };
    for (const [name, spelt] of Object.entries(names)) assert.equal(expression(name), spelt);
    assert.equal(expression("0  2 *\t* *"), "0 2 * * *");
  });

  test("a cron expression that is none, that never fires, or that programs read differently is an error", () => {
    for (const [text, why] of [
      ["0 0 31 2 *", /never fires/],
      ["0 0 30 2 *", /never fires/],
      ["0 0 5 31 2 ?", /never fires/],
      ["0 24 * * *", /is not a cron expression/],
      ["60 * * * *", /is not a cron expression/],
      ["H 2 * * *", /is not a cron expression/],
      ["5/15 * * * *", /'5\/15' has no range to step through → '5-59\/15'/],
      ["0 2/6 * * *", /→ '2-23\/6'/],
      ["10/20 0 2 * * *", /→ '10-59\/20'/],
      ['"0 2 * * *"', /has quotes around it, which are taken as part of the value → it without the quotes$/],
      ["nightly", /has 1 field instead of 5 or 6/],
      ["0 2 * *", /has 4 fields/],
      ["0 0 0 2 * * *", /has 7 fields/],
      ["0 2 1 * 1", /limits both the day of the month and the day of the week/],
      ["@every 6h", /is not known here → .*\*\/6/],
      ["@reboot", /is not known/],
      ["CRON_TZ=UTC 0 2 * * *", /names a time zone → .* TZ/],
    ] as const) {
      assert.match(problemOf({ BACKUP_CRON_EXPRESSION: text }), why, text);
    }
  });
});

suite("sources", () => {
  test("must be there, and be a folder", () => {
    const world = worldWith({ "/file": "" }, { folders: ["/archive"] });
    assert.match(problemOf({}, world), /^BACKUP_SOURCES: '\/backup' does not exist/);
    assert.match(problemOf({ BACKUP_SOURCES: "/file" }, world), /^BACKUP_SOURCES: '\/file' is not a folder/);
  });

  test("must not lie in what is never part of a backup; the other way round is fine", () => {
    const world = worldWith({}, { folders: ["/data", "/data/sub", "/archive"] });
    assert.match(problemOf({ BACKUP_SOURCES: "/data/sub", BACKUP_ARCHIVE: "/data" }, world), /lies in BACKUP_ARCHIVE/);
    assert.match(problemOf({ BACKUP_SOURCES: "/data", BACKUP_STATE: "/data" }, world), /lies in BACKUP_STATE/);
    assert.match(problemOf({ BACKUP_SOURCES: "/data/", BACKUP_ARCHIVE: "/data" }, world), /lies in BACKUP_ARCHIVE/);
    assert.deepEqual(
      problemsOf({ BACKUP_SOURCES: "/data", BACKUP_ARCHIVE: "/data/sub", BACKUP_STATE: "/data/state" }, world),
      [],
    );
  });

  test("globs to leave out are separated by commas or line breaks, but not inside braces", () => {
    const { exclude } = read({ ...fine, BACKUP_EXCLUDE: "*.{log,tmp}, cache/**\n with blank " }).config;
    assert.deepEqual(exclude.slice(-3), ["*.{log,tmp}", "cache/**", "with blank"]);
    for (const glob of ["/etc", "!keep", "**", "*,*.log"])
      assert.match(problemOf({ BACKUP_EXCLUDE: glob }), /^BACKUP_EXCLUDE: /, glob);
  });

  test("the regular expression is valid and leaves something", () => {
    assert.ok(read({ ...fine, BACKUP_EXCLUDE_REGEXP: "\\.(bak|old)$" }).config.excludeRegexp?.test("x/y.bak"));
    assert.match(problemOf({ BACKUP_EXCLUDE_REGEXP: "(" }), /is no regular expression/);
    assert.match(problemOf({ BACKUP_EXCLUDE_REGEXP: ".*" }), /matches every path/);
  });
});
