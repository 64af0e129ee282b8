import assert from "node:assert/strict";
import { test } from "node:test";
import { knownLabels, parseDuration, readLabels } from "../../src/quiesce/labels.ts";

test("every label is read", () => {
  const { wishes, problems } = readLabels("db", {
    "lifeboat.hold": "stop",
    "lifeboat.hold.timeout": "1m30s",
    "lifeboat.before.exec": "dump > /data/dump",
    "lifeboat.before.exec.user": "postgres",
    "lifeboat.before.exec.timeout": "10m",
    "lifeboat.after.exec": "rm /data/dump",
    "lifeboat.after.exec.user": "0:0",
    "lifeboat.after.exec.timeout": "5",
    "lifeboat.before.signal": "SIGHUP",
    "lifeboat.before.wait-for": "atheme/services.db",
    "lifeboat.before.timeout": "10s",
    "lifeboat.postgres": "false",
    "com.example.other": "1",
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(wishes, {
    hold: { act: "stop", timeoutMs: 90_000 },
    before: { command: "dump > /data/dump", user: "postgres", timeoutMs: 600_000 },
    after: { command: "rm /data/dump", user: "0:0", timeoutMs: 5000 },
    beforeSignal: { name: "HUP", waitFor: "atheme/services.db", timeoutMs: 10_000 },
  });
});

for (const [labels, problem] of [
  [{ "lifeboat.hold": "stpo" }, /'lifeboat.hold=stpo' is not stop or pause \(did you mean stop\?\)/],
  [{ "lifeboat.hold": "" }, /'lifeboat.hold=' is not stop or pause/],
  [{ "lifeboat.hold": "true\n\u001b[31m" }, /'lifeboat.hold=true\\n\\u001b\[31m' is not/],
  [{ "lifeboat.hold": "x".repeat(1e6) }, /^container 'db': 'lifeboat.hold=x{60}…' is not stop or pause$/],
  [{ "lifeboat.hold": "stop", "lifeboat.hold.timeout": "-1s" }, /'lifeboat.hold.timeout=-1s' is not a duration/],
  [{ "lifeboat.hold": "stop", "lifeboat.hold.timeout": "0" }, /is not a duration/],
  [{ "lifeboat.hold": "pause", "lifeboat.hold.timeout": "5s" }, /no use with pause/],
  [{ "lifeboat.hold.timeout": "5s" }, /'lifeboat.hold.timeout' has no use without 'lifeboat.hold'/],
  [{ "lifeboat.before.exec": " " }, /'lifeboat.before.exec= ' is not filled in/],
  [{ "lifeboat.before.exec": "x".repeat(70_000) }, /too long/],
  [{ "lifeboat.after.exec.user": "root" }, /'lifeboat.after.exec.user' has no use without 'lifeboat.after.exec'/],
  [{ "lifeboat.before.signal": "USR1" }, /'lifeboat.before.signal=USR1' is not HUP/],
  [{ "lifeboat.before.signal": "9" }, /is not HUP/],
  [{ "lifeboat.before.wait-for": "db" }, /no use without 'lifeboat.before.signal'/],
  [
    { "lifeboat.before.exce": "true" },
    /'lifeboat.before.exce' is not a label that exists \(did you mean 'lifeboat.before.exec'\?\)/,
  ],
  [{ "lifeboat.": "" }, /'lifeboat.' is not a label that exists/],
  [{ "lifeboat.health.http": "web:80/health" }, /'lifeboat.health.http=web:80\/health' is not an address like/],
  [{ "lifeboat.postgres": "yes" }, /'lifeboat.postgres=yes' is not true or false/],
] as const) {
  test(`'${Object.entries(labels).join().slice(0, 60)}' is told as a problem`, () => {
    const { problems } = readLabels("db", labels);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", problem);
  });
}

test("a label that asks for nothing of ours is no wish", () => {
  assert.deepEqual(readLabels("db", { "lifeboats.hold": "stop", "com.docker.compose.project": "p" }), {
    wishes: {},
    problems: [],
  });
  assert.equal(new Set(knownLabels).size, knownLabels.length);
});

test("durations are whole seconds, minutes and hours up to a day", () => {
  const cases = { "30": 30_000, "30s": 30_000, "5m": 300_000, "1m30s": 90_000, "24h": 86_400_000 };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms);
  for (const text of ["", "0s", "25h", "1.5s", "30 s", "s", "1s1m", "1e3", "٣s"])
    assert.equal(parseDuration(text), undefined);
});
