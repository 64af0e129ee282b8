import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** Unmounted when disposed of. */
export interface FailingDisk extends Disposable {
  /** What was written when the disk was whole. */
  readonly good: Buffer;
  readonly bad: Buffer;
}

/**
 * Mounts a disk at `at` that has lost its last part, read-only: `good` is whole, and `bad` can be read up to some block
 * and is an input/output error from there on. Undefined, with the test skipped, where nothing can be mounted.
 */
export function mountFailingDisk(t: TestContext, folder: string, at: string): FailingDisk | undefined {
  const image = join(folder, "disk.img");
  const [good, bad] = [randomBytes(300 * 1024), randomBytes(3 * 1024 * 1024)];
  writeFileSync(image, "");
  truncateSync(image, 16 * 1024 * 1024);
  mkdirSync(at, { recursive: true });
  try {
    execFileSync("mkfs.ext4", ["-q", "-O", "^has_journal", "-b", "1024", image], { stdio: "pipe" });
    execFileSync("mount", ["-o", "loop", image, at], { stdio: "pipe" });
  } catch (error) {
    t.skip(`no disk can be mounted here: ${String(error)}`);
    return undefined;
  }
  writeFileSync(join(at, "good"), good);
  // Its blocks come before the others then.
  execFileSync("sync", ["--file-system", at]);
  writeFileSync(join(at, "bad"), bad);
  execFileSync("umount", [at]);
  const lastOf = (path: string) => {
    const blocks = execFileSync("debugfs", ["-R", `blocks ${path}`, image], { encoding: "utf8", stdio: "pipe" });
    return Math.max(...blocks.trim().split(/\s+/).map(Number));
  };
  const cut = lastOf("/bad") - 500;
  if (lastOf("/good") >= cut) throw new Error("the disk would lose more than it should");
  execFileSync("mount", ["-o", "loop,ro", image, at]);
  truncateSync(image, cut * 1024);
  return { good, bad, [Symbol.dispose]: () => execFileSync("umount", [at]) };
}
