import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { hintOf } from "../../src/errors.ts";
import { openRsyncTarget } from "../../src/targets/rsync.ts";
import { isTransient, RemovalForbiddenError } from "../../src/targets/target.ts";
import { targetContract } from "../contract/target-contract.ts";
import type { SshServer } from "../servers/sshd.ts";
import { bodyIn, failureOf } from "./bodies.ts";
import { recordPrograms } from "./recorded-programs.ts";
import { optionsFor, rsyncPlace, serverFor } from "./rsync-place.ts";
import { anyKey, never, targetTools, testFolder } from "./tools.ts";

const root = testFolder();
const tools = targetTools();
const programs = await recordPrograms(root, "rsync", "ssh");

const restricted = await serverFor("rrsync");
targetContract("rsync to a server without a shell", () => rsyncPlace(restricted, restricted.folder, tools, programs));

describe("an rsync target behind rrsync", { timeout: 300_000 }, () => {
  it("that may only write is refused with the reason, because nothing there can be proven", async () => {
    const server = await serverFor("rrsync-append");
    const target = openRsyncTarget(await optionsFor(server, "/"), tools);
    const failure = await failureOf(target.put("key", await bodyIn(root, "x"), never));
    assert.match(failure.message, /the server allows no reading/);
    assert.match(hintOf(failure)!, /Give rrsync no '-wo'/);
    assert.ok(!isTransient(failure));
    assert.deepEqual(await readdir(server.folder), []);
  });

  it("that is append-only takes and proves backups, keeps them, and says that it removes nothing", async () => {
    const server = await serverFor("rrsync-append");
    await allowReading(server);
    const target = openRsyncTarget(await optionsFor(server, "/"), tools);
    const body = await bodyIn(root, "sealed");
    await target.put("key", body, never);
    await target.put("key", body, never);
    assert.deepEqual(await target.digest("key", never), { sizeBytes: 6, sha256: body.sha256 });
    await assert.rejects(target.put("key", await bodyIn(root, "forged"), never), /already holds other bytes/);
    const failure = await failureOf(target.remove(["key"], never));
    assert.ok(failure instanceof RemovalForbiddenError, String(failure));
    assert.match(hintOf(failure)!, /'-no-del'/);
    assert.deepEqual(await target.list(never), [{ key: "key", sizeBytes: 6 }]);
    await target.sweep(anyKey, never);
  });

  it("that speaks sftp only is refused with the way to use it", async () => {
    const server = await serverFor("sftp");
    const failure = await failureOf(openRsyncTarget(await optionsFor(server, "/"), tools).list(never));
    assert.match(failure.message, /the server does not answer with rsync/);
    assert.match(hintOf(failure)!, /RCLONE_DESTINATION/);
  });
});

/** Append-only, but readable: what an operator is advised to set up. */
async function allowReading(server: SshServer): Promise<void> {
  const path = join(dirname(server.clientKey), "authorized_keys");
  await writeFile(path, (await readFile(path, "utf8")).replace("-wo ", ""));
}
