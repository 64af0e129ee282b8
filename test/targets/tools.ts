import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { systemClock } from "../../src/system/clock.ts";
import { silentLog } from "../../src/system/log.ts";

/** A folder that is gone when the tests of this file have run. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lifeboat-targets-"));
  after(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What targets need, with a run folder of their own. */
export function targetTools() {
  return { clock: systemClock, log: silentLog, runFolder: testFolder() };
}

export const anyKey = () => true;

export const never: AbortSignal = new AbortController().signal;
