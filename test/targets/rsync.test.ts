import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { describeError, hintOf } from "../../src/errors.ts";
import { Secret } from "../../src/system/secret.ts";
import { openRsyncTarget } from "../../src/targets/rsync.ts";
import { isTransient } from "../../src/targets/target.ts";
import { targetContract } from "../contract/target-contract.ts";
import { bodyIn, failureOf } from "./bodies.ts";
import { assertSecretsKept, recordPrograms } from "./recorded-programs.ts";
import { optionsFor, rsyncPlace, serverFor } from "./rsync-place.ts";
import { mountSmallDisk } from "./small-disk.ts";
import { anyKey, never, targetTools, testFolder } from "./tools.ts";

const root = testFolder();
const tools = targetTools();
const programs = await recordPrograms(root, "rsync", "ssh");

const server = await serverFor("shell");
targetContract("rsync to a server with a shell", () => rsyncPlace(server, "", tools, programs));

describe("an rsync target", { timeout: 300_000 }, () => {
  it("lets the server digest what it holds, and stores it readable for its owner alone", async () => {
    const folder = mkdtempSync(join(server.folder, "digest it's "));
    const target = openRsyncTarget(await optionsFor(server, folder), tools);
    const body = await bodyIn(root, "sealed");
    await target.put("key", body, never);
    assert.equal((await target.digest("key", never)).sha256, body.sha256);
    assert.match(await programs.argumentsSeen(), /sha256sum -- '.*it'\\''s .*\/key'/);
    assert.equal((await stat(join(folder, "key"))).mode & 0o777, 0o600);
  });

  it("a key that is refused, a host key that changed and a host that is unknown are told apart, not retried", async () => {
    const other = await serverFor("shell");
    const options = await optionsFor(other, other.folder);
    const unknown = { ...options, knownHosts: "example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==" };
    const cases: [RegExp, RegExp][] = [];
    const check = async (asked: typeof options, message: RegExp, hint: RegExp) => {
      const target = openRsyncTarget(asked, tools);
      for (const failure of await Promise.all([target.list(never), target.check(never)].map(failureOf))) {
        assert.match(failure.message, message);
        assert.match(hintOf(failure)!, hint);
        assert.ok(!isTransient(failure), describeError(failure));
      }
      cases.push([message, hint]);
    };
    await check(unknown, /the host is not in the known hosts/, /ssh-keyscan/);
    await check({ ...options, sshKey: new Secret("no key at all") }, /the ssh key cannot be read/, /OpenSSH format/);
    await other.revokeClientKey();
    await check(options, /the ssh key is refused/, /authorized_keys/);
    await other.changeHostKey();
    await check(options, /the host key has changed/, /Find out why/);
    assert.equal(cases.length, 4);
  });

  it("a server with none but old algorithms is told as such, with what it offers, and not tried again", async () => {
    for (const line of ["KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc", "MACs hmac-md5"]) {
      const ciphers = line.startsWith("MACs") ? ["Ciphers aes128-ctr"] : [];
      const server = await serverFor("shell", line, ...ciphers);
      const failure = await failureOf(openRsyncTarget(await optionsFor(server, server.folder), tools).list(never));
      assert.match(failure.message, /its ssh server is too old/);
      assert.match(describeError(failure), new RegExp(`Their offer: ${line.split(" ")[1]}`));
      assert.match(hintOf(failure)!, /Update the server.*RCLONE_DESTINATION/);
      assert.ok(!isTransient(failure));
    }
  });

  it("on a full disk says that there is no space there, and lists nothing half-written", async () => {
    await using disk = await mountSmallDisk(server.folder, "1m");
    const target = openRsyncTarget(await optionsFor(server, disk.folder), tools);
    await target.put("old", await bodyIn(root, "an old backup"), never);
    const failure = await failureOf(target.put("key", await bodyIn(root, Buffer.alloc(3_000_000, 7)), never));
    assert.match(failure.message, /there is no space left there/, describeError(failure));
    assert.ok(!isTransient(failure), describeError(failure));
    assert.deepEqual(await target.list(never), [{ key: "old", sizeBytes: 13 }]);
  });

  it("on a read-only file system says so", async () => {
    await using disk = await mountSmallDisk(server.folder, "1m");
    await disk.makeReadOnly();
    const target = openRsyncTarget(await optionsFor(server, disk.folder), tools);
    await assert.rejects(target.check(never), /cannot store backups on '.*': that user may not write there/);
    const failure = await failureOf(target.put("key", await bodyIn(root, "x"), never));
    assert.match(failure.message, /its file system is mounted read-only/);
    assert.ok(!isTransient(failure));
  });

  it("a folder two levels below what exists is not made: the disk may be missing", async () => {
    const target = openRsyncTarget(await optionsFor(server, join(server.folder, "not", "mounted")), tools);
    const failure = await failureOf(target.put("key", await bodyIn(root, "x"), never));
    assert.match(failure.message, /the folder does not exist there/);
    assert.match(hintOf(failure)!, /Make the folder on the server/);
  });

  it("a lost connection may be tried again, and the next attempt ends well", async () => {
    const other = await serverFor("shell");
    const target = openRsyncTarget(await optionsFor(other, other.folder), tools);
    const body = await bodyIn(root, Buffer.alloc(4_000_000, "sealed"));
    await programs.addArguments("rsync", ["--bwlimit=1000"]);
    const halfWay = Promise.withResolvers<void>();
    const put = failureOf(target.put("key", body, never, () => halfWay.resolve()));
    await Promise.race([halfWay.promise, put]);
    await other.dropConnections();
    const failure = await put;
    await programs.addArguments("rsync", []);
    assert.match(failure.message, /cannot store 'key' on .*: the connection was lost/);
    assert.ok(isTransient(failure), describeError(failure));
    assert.deepEqual(await target.list(never), []);
    await target.put("key", body, never);
    assert.equal((await target.digest("key", never)).sha256, body.sha256);
    assert.deepEqual(
      (await readdir(other.folder)).filter((name) => /^\.key/.test(name)),
      [],
    );
  });

  it("a server that is down may be tried again; one that freezes is given up after the stall time", async () => {
    const other = await serverFor("shell");
    const options = await optionsFor(other, other.folder);
    await other.freeze();
    const frozen = await failureOf(openRsyncTarget(options, { ...tools, stallTimeoutMs: 1000 }).list(never));
    assert.match(frozen.message, /moved nothing for 1 s|the connection was lost/);
    assert.ok(isTransient(frozen), describeError(frozen));
    await other.thaw();
    await other.stop();
    const down = await failureOf(openRsyncTarget(options, tools).list(never));
    assert.match(down.message, /it cannot be reached/);
    assert.ok(isTransient(down));
  });

  it("the key is in no argument and in no error, and lies nowhere once a call has ended", async () => {
    const options = await optionsFor(server, join(server.folder, "secrets"));
    const target = openRsyncTarget(options, tools);
    await target.put("key", await bodyIn(root, "x"), never);
    await target.digest("key", never);
    const failure = await failureOf(openRsyncTarget({ ...options, port: 1 }, tools).list(never));
    const key = await readFile(server.clientKey, "utf8");
    await assertSecretsKept(programs, [key], [describeError(failure), failure.stack ?? ""]);
    assert.match(await programs.argumentsSeen(), /--rsh=ssh -F/);
    assert.deepEqual(await readdir(tools.runFolder), []);
  });

  it("destinations of another form are refused", async () => {
    const options = await optionsFor(server, "/x");
    for (const destination of ["host:/path", "user@host::module", "rsync://user@host/path", "user@host", "-x@h:/p"]) {
      const open = () => openRsyncTarget({ ...options, destination }, tools);
      assert.throws(open, /is not of the form 'user@host:\/path'/, destination);
    }
  });

  it("sweep leaves the folders of others alone", async () => {
    const folder = mkdtempSync(join(server.folder, "sweep-"));
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "sub", "file"), "");
    await mkdir(join(folder, ".lifeboat-partial"));
    await writeFile(join(folder, ".lifeboat-partial", "key"), "half");
    await openRsyncTarget(await optionsFor(server, folder), tools).sweep(anyKey, never);
    assert.deepEqual(await readdir(folder), ["sub"]);
    assert.deepEqual(await readdir(join(folder, "sub")), ["file"]);
  });

  for (const name of ["photos [2026] *?", 'it\'s a "quote" & $HOME; (x)', "back\\slash \\[x]"]) {
    it(`keeps backups in a folder of the name '${name}', and none in what a shell would make of it`, async () => {
      const top = mkdtempSync(join(server.folder, "names-"));
      // What a pattern would match instead.
      for (const decoy of ["photos 2 or more", "back\\slash x", "back\\slash \\x"]) await mkdir(join(top, decoy));
      const folder = join(top, name);
      const before = await readdir(top);
      const target = openRsyncTarget(await optionsFor(server, folder), tools);
      const body = await bodyIn(root, "sealed");
      await target.check(never);
      await target.put("key", body, never);
      assert.deepEqual(await readdir(top), [...before, name].sort());
      assert.equal(await readFile(join(folder, "key"), "utf8"), "sealed");
      assert.deepEqual(await target.list(never), [{ key: "key", sizeBytes: 6 }]);
      assert.equal((await target.digest("key", never)).sha256, body.sha256);
      assert.equal((await target.readSmall(["key"], never)).get("key")?.toString(), "sealed");
      await target.fetch("key", join(top, "fetched"), never);
      await mkdir(join(folder, ".lifeboat-partial"), { recursive: true });
      await writeFile(join(folder, ".lifeboat-partial", "other"), "half");
      await target.sweep(anyKey, never);
      await target.remove(["key"], never);
      assert.deepEqual(await readdir(folder), []);
    });
  }
});
