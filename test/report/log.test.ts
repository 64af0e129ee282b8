import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { LifeboatError } from "../../src/errors.ts";
import { createLog, type LogOptions } from "../../src/report/log.ts";
import { Secret } from "../../src/system/secret.ts";

function logInto(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const log = createLog({ level: "info", format: "text", color: false, stream, ...options });
  return { log, lines };
}

suite("log", () => {
  test("text is one line per record: time with its zone, level, sentence, key=value", () => {
    const { log, lines } = logInto({ timeZone: "Asia/Kolkata" });
    log.info("backup shipped", {
      target: "local:/archive",
      sizeBytes: 12,
      what: "two words",
      parts: ["a", "b"],
      none: undefined,
    });
    log.warn("disk is nearly full");
    assert.equal(lines.length, 2);
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\+5:30`;
    assert.match(
      lines[0] ?? "",
      new RegExp(
        String.raw`^${time} INFO: backup shipped target=local:/archive sizeBytes=12 what="two words" parts=\["a","b"\]\n$`,
      ),
    );
    assert.match(lines[1] ?? "", new RegExp(`^${time} WARN: disk is nearly full\n$`));
  });

  test("times in sentences and fields are shown like those of the lines; JSON keeps them", () => {
    const [text, json] = [logInto({ timeZone: "Asia/Kolkata" }), logInto({ format: "json", timeZone: "Asia/Kolkata" })];
    for (const { log } of [text, json]) {
      log.info("taken at 2026-03-29T01:00:00.000Z", { nextRunAt: "2026-03-30T01:00:00.000Z" });
    }
    const [line = ""] = text.lines;
    assert.match(line, /taken at 2026-03-29 06:30:00 GMT\+5:30 nextRunAt="2026-03-30 06:30:00 GMT\+5:30"\n$/);
    assert.match(
      json.lines[0] ?? "",
      /"nextRunAt":"2026-03-30T01:00:00.000Z","msg":"taken at 2026-03-29T01:00:00.000Z"/,
    );
  });

  test("JSON is one object per line with time, level and msg beside the fields", () => {
    const { log, lines } = logInto({ format: "json" });
    log.error("it broke", { code: 7, at: new Date(0), big: 2n ** 64n, bytes: Buffer.from("ab"), time: "mine" });
    const [line = ""] = lines;
    assert.ok(line.endsWith("\n") && line.indexOf("\n") === line.length - 1);
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    assert.equal(new Date(String(time)).toISOString(), time);
    assert.deepEqual(rest, {
      level: "error",
      code: 7,
      at: "1970-01-01T00:00:00.000Z",
      big: "18446744073709551616",
      bytes: "ab",
      time_: "mine",
      msg: "it broke",
    });
  });

  test("lines below the level are not written", () => {
    const { log, lines } = logInto({ level: "warn" });
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    assert.equal(lines.length, 2);
  });

  test("colours are written only when asked for", () => {
    const { log: plain, lines: plainLines } = logInto();
    const { log: coloured, lines: colouredLines } = logInto({ color: true });
    plain.warn("x");
    coloured.warn("x");
    assert.doesNotMatch(plainLines.join(), /\u001b/);
    assert.match(colouredLines.join(), /\u001b\[/);
  });

  test("no secret gets through: not in the sentence, a field, an error's cause, or a URL", () => {
    const secret = new Secret('can"ary\n4711-passphrase');
    new Secret("canary-4712");
    const causes = new LifeboatError("failed", "upload failed", { cause: new Error(`said: ${secret.reveal()}`) });
    const loop: Record<string, unknown> = { name: "canary-4712" };
    loop["self"] = loop;
    for (const format of ["text", "json"] as const) {
      const { log, lines } = logInto({ format });
      log.info(`sentence ${secret.reveal()} canary-4712`, {
        plain: secret.reveal(),
        inside: { list: [secret.reveal(), secret] },
        map: new Map([["key", secret.reveal()]]),
        error: causes,
        deep: { error: new Error("canary-4712", { cause: causes }) },
        url: "https://user:other-password@host/path",
        encoded: `tcp://u:${encodeURIComponent(secret.reveal())}@h`,
        loop,
      });
      const text = lines.join("");
      assert.doesNotMatch(text, /ary|471|passphrase|other-password/, format);
      assert.match(text, /upload failed/);
      assert.match(text, /https:\/\/user:\*\*\*@host/);
      assert.equal(text.trimEnd().split("\n").length, 1);
    }
  });

  test("a file name cannot break a line or command the terminal", () => {
    const { log, lines } = logInto();
    log.info("skipped a\nb", { path: "x\n2026 ERROR: forged\u001b[2J\u0007\u009b" });
    assert.equal(lines.length, 1);
    const [line = ""] = lines;
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.doesNotMatch(line.slice(0, -1), /\p{Cc}/u);
  });

  test("every line is written before the call returns", () => {
    const { log, lines } = logInto();
    for (let count = 1; count <= 100; count++) {
      log.info("x");
      assert.equal(lines.length, count);
    }
  });
});
