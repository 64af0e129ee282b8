import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readState, updateState } from "../../../src/run/conduct/state.ts";
import type { Tools } from "../../../src/run/conduct/tools.ts";
import { forgetPruned } from "../../../src/run/keep/settle-vanished.ts";

test("the newest of a target is missed no more once it was pruned, and that of another target still is", async (t) => {
  const state = await mkdtemp(join(tmpdir(), "lifeboat-places-"));
  t.after(() => rm(state, { recursive: true }));
  const last = { id: "0a1b2c3d", stem: "stack-20260102T030405Z-full", takenAt: "2026-01-02T03:04:05Z", sequence: 1 };
  await updateState(state, { places: { "/archive": { last, apart: true }, "s3:bucket": { last } } });
  const tools = { config: { state }, log: {} } as unknown as Tools;
  await forgetPruned("/archive", ["ffffffff"], tools);
  assert.deepEqual((await readState(state))?.places?.["/archive"], { last, apart: true });
  await forgetPruned("/archive", ["ffffffff", last.id], tools);
  assert.deepEqual((await readState(state))?.places, { "/archive": { apart: true }, "s3:bucket": { last } });
});
