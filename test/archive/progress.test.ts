import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { seal } from "../../src/archive/seal.ts";
import { listAll, live, none, temporaryFolder } from "./rig.ts";

/** Seals what `fill` makes; gives all that was told on the way, and the bytes of content that there were. */
async function told(t: TestContext, fill: (root: string) => Promise<void>): Promise<{ told: number[]; all: number }> {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  await mkdir(root);
  await fill(root);
  const progress: number[] = [];
  const { contentBytes } = await seal(
    {
      ...{ id: "0a1b2c3d", lists: [listAll(root, join(folder, "list"))], compression: none, key: { kind: "none" } },
      ...{ archivePath: join(folder, "a.tar"), indexPath: join(folder, "a.index") },
      onProgress: (bytes) => progress.push(bytes),
    },
    live,
  );
  return { told: progress, all: contentBytes };
}

function assertRising(progress: readonly number[], all: number): void {
  assert.deepEqual(
    progress,
    progress.toSorted((a, b) => a - b),
  );
  assert.equal(progress.at(-1), all);
}

test("progress counts what is in the files, not what tar puts around it", async (t) => {
  const { told: progress, all } = await told(t, async (root) => {
    for (let at = 0; at < 1000; at++) await writeFile(join(root, `small-${at}`), "0123456789");
  });
  assert.equal(all, 10_000);
  assertRising(progress, all);
});

test("progress moves on within a large file, and counts holes as the survey does", async (t) => {
  const { told: progress, all } = await told(t, async (root) => {
    await writeFile(join(root, "large"), randomBytes(8_000_000));
    await writeFile(join(root, "sparse"), "begin");
    await truncate(join(root, "sparse"), 50_000_000);
  });
  assert.equal(all, 58_000_000);
  assertRising(progress, all);
  const within = new Set(progress.filter((bytes) => ![0, 8_000_000, 50_000_000, all].includes(bytes)));
  assert(within.size > 3, progress.join(" "));
});
