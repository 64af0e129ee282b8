import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { describeError, hintOf } from "../../src/errors.ts";
import { Secret } from "../../src/system/secret.ts";
import { openRcloneTarget } from "../../src/targets/rclone.ts";
import { isTransient } from "../../src/targets/target.ts";
import { targetContract } from "../contract/target-contract.ts";
import { startSshServer } from "../servers/sshd.ts";
import { bodyIn, failureOf } from "./bodies.ts";
import { assertSecretsKept, recordPrograms } from "./recorded-programs.ts";
import { mountSmallDisk } from "./small-disk.ts";
import { anyKey, never, targetTools, testFolder } from "./tools.ts";

const root = testFolder();
const tools = targetTools();
const programs = await recordPrograms(root, "rclone");

/** A remote of type local stands for all where half a file can be seen; test/targets/s3.test.ts has the object store. */
const env = { RCLONE_CONFIG_DISK_TYPE: new Secret("local", { redacted: false }) };
const slowly = { ...env, RCLONE_BWLIMIT: new Secret("500k", { redacted: false }) };

targetContract("an rclone remote that shows half-written files", async () => {
  const folder = mkdtempSync(join(root, "place-"));
  const destination = `disk:${folder}`;
  return {
    target: openRcloneTarget({ destination, env }, tools),
    slow: openRcloneTarget({ destination, env: slowly }, tools),
    notThereYet: openRcloneTarget({ destination: `${destination}/made/by/put`, env }, tools),
    everything: async () => (await readdir(folder)).filter((name) => name !== "made"),
    partialName: (key) => `.${key}.0a1b2c3d.partial`,
    putForeign: async (name) => await writeFile(join(folder, name), "foreign"),
    killSender: () => programs.kill("rclone"),
    async overtake(key, content, body) {
      await programs.before("rclone", "moveto", `printf '%s' "${content}" >'${join(folder, key)}'`);
      return body;
    },
    many: 6,
  };
});

describe("an rclone target", () => {
  it("on a full disk says that there is no space there, and lists nothing half-written", async () => {
    await using disk = await mountSmallDisk(root, "1m");
    const target = openRcloneTarget({ destination: `disk:${disk.folder}`, env }, tools);
    const failure = await failureOf(target.put("key", await bodyIn(root, Buffer.alloc(3_000_000, 7)), never));
    assert.match(failure.message, /cannot store 'key' on 'disk:.*': there is no space left there/);
    assert.match(hintOf(failure)!, /keep fewer backups/);
    assert.ok(!isTransient(failure));
    assert.deepEqual(await target.list(never), []);
  });

  it("on a full disk here when fetching names the folder here", async () => {
    await using disk = await mountSmallDisk(root, "1m");
    const folder = mkdtempSync(join(root, "source-"));
    const target = openRcloneTarget({ destination: `disk:${folder}`, env }, tools);
    await target.put("key", await bodyIn(root, Buffer.alloc(3_000_000, 7)), never);
    const failure = await failureOf(target.fetch("key", join(disk.folder, "got"), never));
    assert.match(failure.message, new RegExp(`no space left in '${disk.folder}'`));
    assert.deepEqual(await readdir(disk.folder), []);
  });

  it("a remote that rclone does not know is an error that says how to describe it", async () => {
    const failure = await failureOf(openRcloneTarget({ destination: "nowhere:x", env }, tools).list(never));
    assert.match(failure.message, /cannot list on 'nowhere:x': rclone knows no such remote/);
    assert.match(hintOf(failure)!, /RCLONE_CONFIG_<REMOTE>_TYPE/);
    assert.ok(!isTransient(failure));
  });

  it("a destination that holds settings of its remote is refused without repeating them", () => {
    const open = () => openRcloneTarget({ destination: ":sftp,host=h,pass=hunter2:path", env }, tools);
    assert.throws(open, (error: Error) => /holds settings/.test(error.message) && !/hunter2/.test(error.message));
  });

  it("a destination without a remote is refused: it would fill a folder of the container", () => {
    for (const destination of ["/backup", "backup", "--config:x", "/a:b"]) {
      assert.throws(() => openRcloneTarget({ destination, env }, tools), /is not of the form 'remote:path'/);
    }
  });

  it("variables that would make other backups than asked for are refused", () => {
    const bent = { ...env, RCLONE_DRY_RUN: new Secret("true", { redacted: false }) };
    assert.throws(
      () => openRcloneTarget({ destination: "disk:/x", env: bent }, tools),
      /'RCLONE_DRY_RUN' cannot be set/,
    );
  });

  it("a transfer that moves nothing is ended after the stall time, and may be tried again", async () => {
    const folder = mkdtempSync(join(root, "stall-"));
    const crawling = { ...env, RCLONE_BWLIMIT: new Secret("1", { redacted: false }) };
    const impatient = { ...tools, stallTimeoutMs: 3000 };
    const target = openRcloneTarget({ destination: `disk:${folder}`, env: crawling }, impatient);
    const failure = await failureOf(target.put("key", await bodyIn(root, Buffer.alloc(3_000_000, 7)), never));
    assert.match(failure.message, /moved nothing for 3 s/);
    assert.ok(isTransient(failure));
    assert.deepEqual(await target.list(never), []);
  });

  it("sweep takes away the private folders of killed runs, but not one that may be in use", async () => {
    const runFolder = mkdtempSync(join(root, "run-"));
    for (const name of [".target-old", ".target-new"]) await mkdir(join(runFolder, name));
    const dayBefore = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(join(runFolder, ".target-old"), dayBefore, dayBefore);
    const folder = mkdtempSync(join(root, "place-"));
    await openRcloneTarget({ destination: `disk:${folder}`, env }, { ...tools, runFolder }).sweep(anyKey, never);
    assert.deepEqual(await readdir(runFolder), [".target-new"]);
  });

  it("a server whose own md5sum sees other files than its sftp takes backups: we compare ourselves", async () => {
    const bin = mkdtempSync(join(root, "bin-"));
    const wrong = `#!/bin/sh\n[ $# -gt 0 ] || exec /usr/bin/md5sum\necho "d41d8cd98f00b204e9800998ecf8427e  $1"\n`;
    for (const name of ["md5sum", "sha1sum"]) await writeFile(join(bin, name), wrong, { mode: 0o755 });
    await using server = await startSshServer("shell", `SetEnv PATH=${bin}:/usr/bin:/bin`);
    const settings = {
      TYPE: "sftp",
      HOST: server.host,
      PORT: String(server.port),
      USER: server.user,
      KEY_FILE: server.clientKey,
      KNOWN_HOSTS_FILE: server.knownHosts,
      SHELL_TYPE: "unix",
      MD5SUM_COMMAND: "md5sum",
    };
    const away = Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [
        `RCLONE_CONFIG_NAS_${name}`,
        new Secret(value, { redacted: false }),
      ]),
    );
    const target = openRcloneTarget({ destination: `nas:${server.folder}`, env: away }, tools);
    const body = await bodyIn(root, "sealed");
    await target.put("key", body, never);
    assert.equal((await target.digest("key", never)).sha256, body.sha256);
  });

  it("secrets are in no argument and in no error", async () => {
    const canary = "canary-0f8e7d6c5b";
    const secret = { ...env, RCLONE_CONFIG_AWAY_TYPE: new Secret("sftp", { redacted: false }) };
    const remote = {
      ...secret,
      RCLONE_CONFIG_AWAY_HOST: new Secret("127.0.0.1", { redacted: false }),
      RCLONE_CONFIG_AWAY_PORT: new Secret("1", { redacted: false }),
      RCLONE_CONFIG_AWAY_PASS: new Secret(canary),
    };
    const failure = await failureOf(openRcloneTarget({ destination: "away:x", env: remote }, tools).list(never));
    await assertSecretsKept(programs, [canary], [describeError(failure), String(hintOf(failure)), failure.stack ?? ""]);
    assert.match(await programs.argumentsSeen(), /lsjson/);
  });
});
