import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { mkdtempSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import type { Log } from "../../src/system/log.ts";
import { Secret } from "../../src/system/secret.ts";
import { openRcloneTarget } from "../../src/targets/rclone.ts";
import { startTokenStorage } from "../servers/token-storage.ts";
import { bodyIn, failureOf } from "./bodies.ts";
import { mountSmallDisk } from "./small-disk.ts";
import { never, targetTools, testFolder } from "./tools.ts";

const root = testFolder();
const plain = (value: string) => new Secret(value, { redacted: false });

/** Tools whose log keeps the warnings and their hints. */
function listening() {
  const warned: string[] = [];
  const warn: Log["warn"] = (message, fields) => void warned.push(`${message} ${String(fields?.["hint"])}`);
  const tools = targetTools();
  return { warned, tools: { ...tools, log: { ...tools.log, warn } } };
}

describe("what an rclone remote has to say though all went well", () => {
  it("a renewed token that cannot be saved is told once, with what to do, until it is taken", async () => {
    await using storage = await startTokenStorage();
    await using disk = await mountSmallDisk(root, "1m");
    const config = join(disk.folder, "rclone.conf");
    await writeFile(config, storage.configuration);
    await disk.makeReadOnly();
    const { warned, tools } = listening();
    const env = { RCLONE_CONFIG: plain(config), RCLONE_LOW_LEVEL_RETRIES: plain("0") };
    const target = openRcloneTarget({ destination: "cloud:backups", env }, tools);
    await target.check(never);
    await target.check(never);
    const [told, ...more] = target.takeRemarks!();
    assert.match(told!, /^target 'cloud:backups': rclone cannot save its configuration, so a token .*: read-only/);
    assert.deepEqual(more, []);
    assert.equal(warned.length, 1);
    assert.match(warned[0]!, /mount the folder that holds it, not the file alone and not ':ro'/);
    await target.check(never);
    assert.equal(target.takeRemarks!().length, 1);
  });

  it("a renewed token that was saved is nobody's business", async () => {
    await using storage = await startTokenStorage();
    const config = join(mkdtempSync(join(root, "config-")), "rclone.conf");
    await writeFile(config, storage.configuration);
    const { warned, tools } = listening();
    const target = openRcloneTarget({ destination: "cloud:backups", env: { RCLONE_CONFIG: plain(config) } }, tools);
    await target.check(never);
    assert.deepEqual([...target.takeRemarks!(), ...warned], []);
    assert.match(await readFile(config, "utf8"), /"refresh_token":"r1"/);
  });

  it("a token in a variable is told where the storage will refuse it one day", async () => {
    const { tools } = listening();
    const open = (type: string) =>
      openRcloneTarget(
        {
          destination: `disk:${mkdtempSync(join(root, "place-"))}`,
          env: {
            RCLONE_CONFIG_DISK_TYPE: plain("local"),
            RCLONE_CONFIG_CLOUD_TYPE: plain(type),
            RCLONE_CONFIG_CLOUD_TOKEN: new Secret(`{"access_token":"canary-${type}"}`),
          },
        },
        tools,
      );
    const [box, drive] = [open("box"), open("drive")];
    await Promise.all([box.list(never), drive.list(never)]);
    assert.match(box.takeRemarks!().join(), /cannot keep a renewed token in RCLONE_CONFIG_CLOUD_TOKEN, and box will/);
    assert.deepEqual(drive.takeRemarks!(), []);
  });

  it("errors that did not end it and hints about what comes are told, other words are not", async (t) => {
    const bin = join(root, "talking");
    await mkdir(bin);
    const before = process.env["PATH"]!;
    t.after(() => void (process.env["PATH"] = before));
    const lines = [
      `{"level":"error","msg":"token expired and there is no refresh token"}`,
      `{"level":"notice","msg":"the backend x is deprecated and will be removed"}`,
      `{"level":"warning","msg":"Time may be set wrong - time from host is 1h different"}`,
      `{"level":"notice","msg":"Switched region to \\"eu\\" from \\"us\\""}`,
      `{"level":"error","msg":"Attempt 1/1 succeeded"}`,
      `2026/01/01 00:00:00 NOTICE: Config file not found - using defaults`,
    ];
    await writeFile(
      join(bin, "rclone"),
      `#!/bin/sh\ncat >&2 <<'END'\n${lines.join("\n")}\nEND\nPATH='${before}' exec rclone "$@"\n`,
    );
    await chmod(join(bin, "rclone"), 0o755);
    process.env["PATH"] = `${bin}${delimiter}${before}`;
    const { tools } = listening();
    const env = { RCLONE_CONFIG_DISK_TYPE: plain("local") };
    const target = openRcloneTarget({ destination: `disk:${mkdtempSync(join(root, "place-"))}`, env }, tools);
    await target.put("key", await bodyIn(root, "x"), never);
    const told = target.takeRemarks!().map((sentence) => sentence.replace(/^.*: rclone went on after it said: /, ""));
    assert.deepEqual(told.sort(), [
      "Config file not found - using defaults",
      "Time may be set wrong - time from host is 1h different",
      "the backend x is deprecated and will be removed",
      "token expired and there is no refresh token",
    ]);
  });

  it("a token that is not accepted any more is called so, and not taken for a wrong password", async () => {
    await using storage = await startTokenStorage();
    const config = join(mkdtempSync(join(root, "config-")), "rclone.conf");
    await writeFile(config, storage.configuration.replace(/\/token\n/, "/gone\n"));
    const env = { RCLONE_CONFIG: plain(config), RCLONE_LOW_LEVEL_RETRIES: plain("1") };
    const target = openRcloneTarget({ destination: "cloud:backups", env }, targetTools());
    assert.match((await failureOf(target.check(never))).message, /its token is not accepted any more/);
  });
});
