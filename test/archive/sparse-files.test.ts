import assert from "node:assert/strict";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ComplaintsFile } from "../../src/archive/complaints-file.ts";
import { verifyArchive } from "../../src/archive/extract.ts";
import { IndexWriter, readIndex } from "../../src/archive/index-file.ts";
import { MAX_EXTENTS } from "../../src/archive/sparse-map.ts";
import { Tally } from "../../src/archive/tally.ts";
import type { TarMember } from "../../src/archive/tar-member.ts";
import { TarReader } from "../../src/archive/tar-reader.ts";
import { runsAgain, tarOutput } from "../../src/archive/tar-run.ts";
import { listAll, live, none, sealTree, temporaryFolder } from "./rig.ts";

const torn: TarMember = {
  ...{ path: Buffer.from("backup/torn"), type: "file", sizeBytes: 1, storedBytes: 1, sparse: true, mode: 0o644 },
  ...{ uid: 0, gid: 0, mtimeNs: 0n, extents: MAX_EXTENTS + 1 },
};

test("a file of more extents than a reader takes is read again with its holes as zeros", async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  mkdirSync(root);
  writeFileSync(join(root, "torn"), "begin");
  truncateSync(join(root, "torn"), 1024 * 1024);
  const run = { lists: [listAll(root, join(folder, "list"))] };
  const again = { same: [], plain: [] as Buffer[] };
  const tally = new Tally("0a1b2c3d", new IndexWriter(live));
  await using said = await ComplaintsFile.create(join(folder, "said"));
  tally.beginReading({ run, said, places: undefined, again });
  assert.equal(tally.begin(torn, Buffer.alloc(512)), undefined);
  assert.deepEqual(again.plain, [Buffer.from("./torn")]);
  assert.equal(tally.result().readProblems.count, 0);
  const [second] = runsAgain(run, again);
  assert.ok(second);
  const members: TarMember[] = [];
  const reader = new TarReader();
  for await (const chunk of tarOutput(second, said, live)) {
    for (const event of reader.push(chunk)) if (event.kind === "member") members.push(event.member);
  }
  assert.deepEqual(
    members.map(({ path, sparse, storedBytes }) => [path.toString(), sparse, storedBytes]),
    [["backup/torn", false, 1024 * 1024]],
  );
});

test("one that has too many of them the last time is named", async (t) => {
  await using said = await ComplaintsFile.create(join(temporaryFolder(t), "said"));
  const tally = new Tally("0a1b2c3d", new IndexWriter(live));
  tally.beginReading({ run: { lists: [] }, said, places: undefined, again: undefined });
  assert.equal(tally.begin(torn, Buffer.alloc(512)), undefined);
  assert.deepEqual(tally.result().readProblems.first, [{ path: Buffer.from("./torn"), problem: "unreadable" }]);
});

test("the index tells what a sparse file takes, and more than was sealed is refused", async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  mkdirSync(root);
  writeFileSync(join(root, "image"), "begin");
  truncateSync(join(root, "image"), 64 * 1024 * 1024);
  const { sealed, backup } = await sealTree(root, folder, { compression: none, key: { kind: "none" } });
  const sizes: (number | undefined)[] = [];
  for await (const { type, sizeBytes, storedBytes } of readIndex(backup.indexPath, {}, live)) {
    if (type === "file") sizes.push(sizeBytes, storedBytes);
  }
  assert.equal(sizes[0], 64 * 1024 * 1024);
  assert.ok(sizes[1] !== undefined && sizes[1] < 20_000, String(sizes[1]));
  const { contentBytes, tarBytes } = sealed;
  await verifyArchive({ ...backup, contentBytes, tarBytes }, live);
  await assert.rejects(verifyArchive({ ...backup, contentBytes, tarBytes: tarBytes - 1 }, live), {
    kind: "verification-failed",
    message: /unpacks to more than/,
  });
});
