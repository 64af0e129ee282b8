import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../src/errors.ts";
import type { Body } from "../../src/targets/target.ts";

/** A file with that content, as something to put. */
export async function bodyIn(folder: string, content: Buffer | string): Promise<Body> {
  const path = join(folder, `body-${randomBytes(6).toString("hex")}`);
  await writeFile(path, content);
  return { path, sizeBytes: Buffer.byteLength(content), sha256: createHash("sha256").update(content).digest("hex") };
}

/** What `work` rejects with; fails if it resolves, or rejects with anything but words for a person. */
export async function failureOf(work: Promise<unknown>): Promise<LifeboatError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof LifeboatError, `not in words: ${error instanceof Error ? error.stack : String(error)}`);
    return error;
  }
  assert.fail("it succeeded");
}
