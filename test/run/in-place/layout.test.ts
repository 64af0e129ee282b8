import assert from "node:assert/strict";
import { test } from "node:test";
import type { IndexEntry } from "../../../src/archive/format.ts";
import { layOut } from "../../../src/run/in-place/layout.ts";

async function* entriesOf(...paths: readonly string[]): AsyncGenerator<IndexEntry, void> {
  for (const path of paths) {
    yield {
      ...{ path: Buffer.from(`backup/${path}`), type: "file", sizeBytes: 7, mode: 0o600, uid: 0, gid: 0 },
      ...{ mtimeNs: 0n, heldBy: "0123abcd" },
    };
  }
}

const DUMP = ".databases/db/app.pgdump";
const IN_BASE_BACKUP = ".databases/db/physical/data/base/old.pgdump";

test("a file inside a base backup is no dump, whatever it is called", async () => {
  const { stored, hasBaseBackups } = await layOut(entriesOf(DUMP, IN_BASE_BACKUP), [], undefined);
  assert.deepEqual(stored, [{ path: DUMP, sizeBytes: 7, isWanted: true }]);
  assert.equal(hasBaseBackups, true);
});

test("a base backup that was not asked for is none of the restore's", async () => {
  const { stored, hasBaseBackups } = await layOut(entriesOf(DUMP, IN_BASE_BACKUP), [], [DUMP]);
  assert.deepEqual(stored, [{ path: DUMP, sizeBytes: 7, isWanted: true }]);
  assert.equal(hasBaseBackups, false);
});
