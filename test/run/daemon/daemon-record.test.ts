import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { daemonRecord } from "../../../src/run/daemon/daemon-record.ts";
import { readDaemonState } from "../../../src/run/conduct/state.ts";

let folder: string;

beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "lifeboat-record-"))));
afterEach(() => rm(folder, { recursive: true }));

const instant = "2026-01-01T00:00:00.000Z";
const record = () =>
  daemonRecord(folder, { version: 1, firstStartedAt: instant, heartbeatAt: instant, skippedOverlaps: 0 });

test("of changes made at the same moment none is lost, and the newest has the last word", async () => {
  const { change, settled } = record();
  const changes = Array.from({ length: 40 }, (_, at) =>
    change(at % 2 ? { skippedOverlaps: at } : { heartbeatAt: `2026-01-01T00:00:${String(at).padStart(2, "0")}.000Z` }),
  );
  const onDisk: number[] = [];
  for (const [at, written] of changes.entries()) {
    await written;
    if (at % 2) onDisk.push(((await readDaemonState(folder))?.skippedOverlaps ?? -1) - at);
  }
  assert(
    onDisk.every((ahead) => ahead >= 0),
    `behind: ${onDisk.join(" ")}`,
  );
  await settled();
  const last = await readDaemonState(folder);
  assert.deepEqual(
    { ...last },
    { version: 1, firstStartedAt: instant, heartbeatAt: "2026-01-01T00:00:38.000Z", skippedOverlaps: 39 },
  );
  assert.deepEqual(await readdir(folder), ["daemon.json"]);
});

test("a change that cannot be written rejects, and the next one brings it along", async () => {
  const { change } = record();
  const blocked = join(folder, "daemon.json");
  await mkdir(blocked);
  await assert.rejects(change({ skippedOverlaps: 1 }), /cannot write 'daemon\.json' in '.*'/);
  await rm(blocked, { recursive: true });
  await change({ heartbeatAt: "2026-01-01T00:00:01.000Z" });
  assert.equal((await readDaemonState(folder))?.skippedOverlaps, 1);
});
