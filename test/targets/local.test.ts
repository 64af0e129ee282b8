import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { mkdir, open, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hintOf } from "../../src/errors.ts";
import { openLocalTarget } from "../../src/targets/local.ts";
import { isTransient, type Body } from "../../src/targets/target.ts";
import { targetContract } from "../contract/target-contract.ts";
import { run } from "../servers/programs.ts";
import { bodyIn, failureOf } from "./bodies.ts";
import { mountSmallDisk } from "./small-disk.ts";
import { anyKey, never, testFolder } from "./tools.ts";

const root = testFolder();

targetContract("a local folder", async () => {
  const folder = mkdtempSync(join(root, "place-"));
  const target = openLocalTarget({ folder });
  return {
    target,
    slow: target,
    endlessBody: halfAPipe,
    everything: async () => await readdir(folder),
    partialName: (key) => `.${key}.0a1b2c3d.partial`,
    putForeign: async (name) => await writeFile(join(folder, name), "foreign"),
    async overtake(key, content, body) {
      const path = `${body.path}.late`;
      await run("mkfifo", [path]);
      // Opening waits for the reader, which comes after the look.
      void open(path, "w").then(async (pipe) => {
        await writeFile(join(folder, key), content);
        await pipe.writeFile(await readFile(body.path));
        await pipe.close();
      });
      return { ...body, path };
    },
    many: 1200,
  };
});

/** A pipe in the place of the body's file, into which half of the bytes are written and then no more. */
async function halfAPipe(body: Body) {
  const path = `${body.path}.pipe`;
  await run("mkfifo", [path]);
  const content = await readFile(body.path);
  const writing = open(path, "w").then(async (pipe) => {
    await pipe.write(content.subarray(0, content.length / 2)).catch(() => {
      // The reader has gone, as it should once it was cancelled.
    });
    return pipe;
  });
  return { ...body, path, [Symbol.asyncDispose]: async () => await (await writing).close() };
}

describe("a local folder", () => {
  it("that does not exist is an error, and is not made", async () => {
    const folder = join(root, "mistyped");
    const target = openLocalTarget({ folder });
    const body = await bodyIn(root, "x");
    const calls = [
      target.check(never),
      target.list(never),
      target.put("key", body, never),
      target.remove(["key"], never),
    ];
    for (const failure of await Promise.all(calls.map(failureOf))) {
      assert.match(failure.message, /folder '.*mistyped' does not exist/);
      assert.match(hintOf(failure)!, /Mount a volume there/);
      assert.ok(!isTransient(failure));
    }
    await assert.rejects(stat(folder), { code: "ENOENT" });
  });

  it("stores objects that nobody else may read", async () => {
    const folder = mkdtempSync(join(root, "modes-"));
    await openLocalTarget({ folder }).put("key", await bodyIn(root, "x"), never);
    assert.equal((await stat(join(folder, "key"))).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, "key"))).nlink, 1);
  });

  it("does not follow symbolic links out of it", async () => {
    const folder = mkdtempSync(join(root, "links-"));
    const target = openLocalTarget({ folder });
    const outside = (await bodyIn(root, "outside")).path;
    await symlink(outside, join(folder, "key"));
    assert.deepEqual(await target.list(never), []);
    assert.equal((await failureOf(target.digest("key", never))).kind, "not-found");
    assert.equal((await failureOf(target.fetch("key", join(root, "got"), never))).kind, "not-found");
    assert.equal((await target.readSmall(["key"], never)).size, 0);
    await assert.rejects(target.put("key", await bodyIn(root, "outside"), never), /already holds other bytes/);
    assert.equal(await readFile(outside, "utf8"), "outside");
  });

  it("on a full disk names the disk, keeps what is there and leaves nothing half-written", async () => {
    await using disk = await mountSmallDisk(root, "1m");
    const target = openLocalTarget({ folder: disk.folder });
    await target.put("old", await bodyIn(root, "an old backup"), never);
    const failure = await failureOf(target.put("key", await bodyIn(root, Buffer.alloc(3_000_000, 7)), never));
    assert.match(failure.message, new RegExp(`no space left in '${disk.folder}'`));
    assert.match(hintOf(failure)!, /keep fewer backups/);
    assert.ok(!isTransient(failure));
    assert.deepEqual(await readdir(disk.folder), ["old"]);
  });

  it("on a full disk when fetching names the folder fetched to, not the target", async () => {
    await using disk = await mountSmallDisk(root, "1m");
    const folder = mkdtempSync(join(root, "source-"));
    const target = openLocalTarget({ folder });
    await target.put("key", await bodyIn(root, Buffer.alloc(3_000_000, 7)), never);
    const failure = await failureOf(target.fetch("key", join(disk.folder, "got"), never));
    assert.match(failure.message, new RegExp(`no space left in '${disk.folder}'`));
    assert.deepEqual(await readdir(disk.folder), []);
  });

  it("that is mounted read-only says so", async () => {
    await using disk = await mountSmallDisk(root, "1m");
    await disk.makeReadOnly();
    const target = openLocalTarget({ folder: disk.folder });
    const calls = [target.put("key", await bodyIn(root, "x"), never), target.check(never)];
    for (const failure of await Promise.all(calls.map(failureOf))) {
      assert.match(failure.message, /is mounted read-only/);
      assert.match(hintOf(failure)!, /':ro'/);
    }
  });

  it("a copy that hangs is ended after the stall time, and may be tried again", async () => {
    const folder = mkdtempSync(join(root, "stall-"));
    await using body = await halfAPipe(await bodyIn(root, Buffer.alloc(2_000_000, 7)));
    const failure = await failureOf(openLocalTarget({ folder }, { stallTimeoutMs: 100 }).put("key", body, never));
    assert.match(failure.message, /moved nothing for 0.1 s/);
    assert.ok(isTransient(failure));
    assert.deepEqual(await readdir(folder), []);
  });

  it("sweep takes away what a killed run left behind, and no more", async () => {
    const folder = mkdtempSync(join(root, "sweep-"));
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, ".stack.tar.0a1b2c3d.partial"), "half");
    await writeFile(join(folder, ".gitignore"), "");
    await openLocalTarget({ folder }).sweep(anyKey, never);
    assert.deepEqual((await readdir(folder)).sort(), [".gitignore", "sub"]);
  });
});
