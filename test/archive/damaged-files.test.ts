import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DamagedFiles } from "../../src/archive/damaged-files.ts";
import { extract, verifyArchive } from "../../src/archive/extract.ts";
import type { IndexEntry } from "../../src/archive/format.ts";
import { formatEntry, parseEntry, readIndex } from "../../src/archive/index-file.ts";
import { seal } from "../../src/archive/seal.ts";
import { mountFailingDisk } from "./failing-disk.ts";
import { listAll, live, none, sealTree, temporaryFolder } from "./rig.ts";

async function entriesOf(indexPath: string): Promise<Record<string, IndexEntry>> {
  const entries: Record<string, IndexEntry> = {};
  for await (const entry of readIndex(indexPath, {}, live)) entries[entry.path.toString()] = entry;
  return entries;
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test("of a file with a sector that cannot be read the rest is saved, and its digest is no digest of the file", async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  using disk = mountFailingDisk(t, folder, root);
  if (!disk) return;
  const { sealed, backup } = await sealTree(root, folder, { compression: none, key: { kind: "none" } });
  assert.deepEqual(sealed.readProblems.first, [{ path: Buffer.from("./bad"), problem: "partial" }]);
  const entries = await entriesOf(backup.indexPath);
  assert.equal(entries["backup/good"]?.sha256, sha256(disk.good));
  const into = join(folder, "into");
  mkdirSync(into);
  const { damaged } = await extract({ ...backup, into }, live);
  const restored = readFileSync(join(into, "backup", "bad"));
  const { sha256: whole, damage, storedSha256 } = entries["backup/bad"] ?? {};
  assert.deepEqual([whole, damage, storedSha256], [undefined, "partial", sha256(restored)]);
  assert.equal(restored.length, disk.bad.length);
  const lostAt = disk.bad.findIndex((byte, at) => byte !== restored[at]);
  assert.ok(lostAt > 0, "what comes before the sector was saved");
  assert.ok(restored.subarray(lostAt).every((byte) => byte === 0));
  assert.match(damaged.sentence ?? "", /^1 file is not whole: .* 'bad'$/);
  assert.equal((await verifyArchive(backup, live)).damaged.count, 1);
});

test("a file that shrank while it was read has no digest of its own either, the one after it has", async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  mkdirSync(root);
  for (const name of ["a", "b", "c"]) writeFileSync(join(root, name), randomBytes(16 * 1024 * 1024));
  let cut = false;
  const indexPath = join(folder, "a.index");
  await seal(
    {
      ...{ id: "0a1b2c3d", lists: [listAll(root, join(folder, "list"))], compression: none, key: { kind: "none" } },
      ...{ archivePath: join(folder, "a.tar"), indexPath },
      onProgress: () => {
        if (!cut) truncateSync(join(root, first(folder)), 100);
        cut = true;
      },
    },
    live,
  );
  const entries = Object.values(await entriesOf(indexPath)).filter(({ type }) => type === "file");
  assert.deepEqual(
    entries.map(({ damage, sha256 }) => [damage, sha256 === undefined]),
    [
      ["shrank", true],
      [undefined, false],
      [undefined, false],
    ],
  );
});

/** The first file that is read. */
function first(folder: string): string {
  return readFileSync(join(folder, "list"), "utf8").split("\0")[1] ?? "";
}

const entry: IndexEntry = {
  ...{ path: Buffer.from("backup/f"), type: "file", sizeBytes: 5, mode: 0o644, uid: 0, gid: 0, mtimeNs: 1n },
  ...{ damage: "partial", storedSha256: "0".repeat(64), heldBy: "0a1b2c3d" },
};

test("a line of a damaged file comes back as it was", () => {
  assert.deepEqual(parseEntry(formatEntry(entry).trim()), entry);
});

for (const [what, change] of Object.entries({
  "two digests": { sha256: "1".repeat(64) },
  "damage and no digest of what there is": { storedSha256: undefined },
  "an unknown damage": { damage: "eaten" as "partial" },
  "damage and the digest of a whole file": { storedSha256: undefined, sha256: "1".repeat(64) },
})) {
  test(`a line with ${what} is no entry`, () => {
    assert.throws(() => parseEntry(formatEntry({ ...entry, ...change } as IndexEntry).trim()));
  });
}

test("of many damaged files the first are named and all are counted", () => {
  const damaged = new DamagedFiles();
  assert.equal(damaged.sentence, undefined);
  for (let at = 0; at < 12; at++) damaged.add(Buffer.from(`backup/d/${at}\n`));
  assert.match(damaged.sentence ?? "", /^12 files are not whole: .* 'd\/0\\x0a', .*'d\/9\\x0a' and 2 more$/);
});
