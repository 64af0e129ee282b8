import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Holding, KnownBackup } from "../../../src/run/catalogue/catalogue.ts";
import { readState, updateState } from "../../../src/run/conduct/state.ts";
import type { Tools } from "../../../src/run/conduct/tools.ts";
import { missNoMore } from "../../../src/run/keep/settle-vanished.ts";

const older = { id: "0a1b2c3d", stem: "stack-20260102T030405Z-full", takenAt: "2026-01-02T03:04:05Z", sequence: 1 };
const last = { id: "4e5f6071", stem: "stack-20260103T030405Z-full", takenAt: "2026-01-03T03:04:05Z", sequence: 2 };

function holding(name: string, marks: readonly (typeof last)[]): Holding {
  const backups = marks.map((mark) => ({ stem: mark.stem, receipt: mark }) as unknown as KnownBackup);
  return { target: { name } as Holding["target"], backups, broken: [], orphans: [] };
}

test("what was removed from a target is missed there no more, and elsewhere it is; then the next newest is", async (t) => {
  const state = await mkdtemp(join(tmpdir(), "lifeboat-places-"));
  t.after(() => rm(state, { recursive: true }));
  await updateState(state, { places: { "/archive": { last, apart: true }, "s3:bucket": { last, missing: older } } });
  const tools = { config: { state }, log: {} } as unknown as Tools;
  await missNoMore(holding("/archive", [older, last]), ["stack-20250102T030405Z-full"], tools);
  assert.deepEqual((await readState(state))?.places?.["/archive"], { last, apart: true });
  await missNoMore(holding("/archive", [older, last]), [last.stem], tools);
  const left = { "/archive": { last: older, apart: true }, "s3:bucket": { last, missing: older } };
  assert.deepEqual((await readState(state))?.places, left);
  await missNoMore(holding("/archive", [older]), [older.stem], tools);
  await missNoMore(holding("s3:bucket", [last]), [older.stem], tools);
  assert.deepEqual((await readState(state))?.places, { "/archive": { apart: true }, "s3:bucket": { last } });
});
