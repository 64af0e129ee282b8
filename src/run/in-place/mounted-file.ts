import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { runChild } from "../../system/children.ts";
import { failpoint } from "../../system/failpoint.ts";
import { syncFolder } from "../../system/files.ts";
import { setAttributes } from "./attributes.ts";
import type { Attributes } from "./job.ts";
import { look } from "./paths.ts";

interface Both {
  readonly before: Attributes;
  readonly after: Attributes;
}

/** Gives a file that is a mount of its own new content: it cannot be renamed over. The old content is copied first. */
export async function writeFileInPlace(live: string, staged: string, work: string, { after }: Both): Promise<void> {
  await mkdir(work, { recursive: true, mode: 0o700 });
  const partial = join(work, "old.partial");
  await copyInto(live, partial, "w");
  await takeTimes(live, partial);
  await rename(partial, join(work, "old"));
  await syncFolder(work);
  await failpoint("in-place:file-copied");
  await copyInto(staged, live, "r+");
  await failpoint("in-place:file-written");
  await setAttributes(live, after);
  await takeTimes(staged, live);
}

/** Writes the old content back, if it was ever replaced. */
export async function undoFile(live: string, work: string, { before }: Both): Promise<void> {
  const old = join(work, "old");
  if (!(await look(old))) return;
  await copyInto(old, live, "r+");
  await setAttributes(live, before);
  await takeTimes(old, live);
}

/** To the nanosecond, for which a number of JavaScript's is too coarse. */
async function takeTimes(from: string, to: string): Promise<void> {
  const args = ["--no-create", `--reference=${from}`, "--", to];
  await runChild({ program: "touch", args }, { timeoutMs: 30_000 });
}

async function copyInto(from: string, to: string, flags: "w" | "r+"): Promise<void> {
  await using source = await open(from, "r");
  await using target = await open(to, flags, 0o600);
  await target.truncate(0);
  const buffer = Buffer.alloc(256 * 1024);
  for (let at = 0; ;) {
    const { bytesRead } = await source.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    await target.write(buffer.subarray(0, bytesRead), 0, bytesRead, at);
    at += bytesRead;
  }
  await target.sync();
}
