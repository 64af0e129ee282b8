import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { extract, verifyArchive } from "../../src/archive/extract.ts";
import { readIndex } from "../../src/archive/index-file.ts";
import { openSealed } from "../../src/archive/unseal.ts";
import { describeTree, listAll, live, none, passphraseKey, passphraseKeys, sealTree, temporaryFolder } from "./rig.ts";

/** A tree with everything that is hard to keep. Made with the shell, as names are bytes and many need root. */
const MAKE_TREE = String.raw`
set -eu
printf 'content' > plain
printf 'x' > "$(printf 'new\nline')"
printf 'x' > "$(printf 'bad\377utf\200')"
printf 'x' > -rf
printf 'x' > ' trailing '
printf 'x' > 'back\slash: colon'
printf 'x' > "$(printf '%0255d' 7)"
mkdir -p "$(printf '%0100d/%0100d/%0100d' 1 2 3)"
printf 'deep' > "$(printf '%0100d/%0100d/%0100d/%0120d' 1 2 3 4)"
ln -s "$(printf '%0100d/%0100d/target' 1 2)" long-link
ln "$(printf '%0100d/%0100d/%0100d/%0120d' 1 2 3 4)" hard-to-deep
ln -s ./plain link-to-plain
ln -s ../../etc/passwd escaping-link
ln -s /etc absolute-link
ln -s nowhere dangling
ln plain hard
ln -P link-to-plain hard-link-to-symlink
mkdir -p folder/empty sticky
chmod 1777 sticky
chmod 0500 folder/empty
printf 'setuid' > setuid; chown 1234:2345 setuid; chmod 6755 setuid
printf 'nobody may' > secret; chmod 0 secret
printf 'big ids' > ids; chown 4294967293:3000000000 ids
: > empty-file
truncate -s 10M all-hole
truncate -s 3M holes; printf 'middle' | dd of=holes bs=1 seek=1000000 conv=notrunc status=none; printf end >> holes
setfattr -n user.comment -v 'said "so"' plain
setfattr -n user.binary -v 0x00ff0a3d plain
setfattr -n trusted.root -v yes plain
setfattr -n security.test -v label plain
setfacl -m u:1234:r,g:99:rwx plain
setfacl -d -m u:1234:rw folder
touch -d '1955-11-05 06:15:00.250000000Z' before-1970
touch -d '1969-12-31 23:59:59.5Z' just-before
touch -d '2150-01-01 00:00:00.123456789Z' after-2106
touch -d '2001-02-03 04:05:06.000000007Z' plain
touch -h -d '2001-02-03 04:05:06.987654321Z' link-to-plain
touch -d '2001-02-03 04:05:06.5Z' folder
`;

function makeTree(root: string): void {
  execFileSync("sh", ["-c", MAKE_TREE], { cwd: root });
}

function attributes(root: string): string {
  const acl = execFileSync("getfacl", ["--recursive", "--physical", "--numeric", "."], { cwd: root });
  const options = ["--recursive", "--no-dereference", "--dump", "--match=-", "--encoding=hex", "."];
  return acl.toString("latin1") + execFileSync("getfattr", options, { cwd: root }).toString("latin1");
}

test("everything about a tree comes back as it was", async (t) => {
  const folder = temporaryFolder(t);
  const [root, into] = [join(folder, "root"), join(folder, "into")];
  await mkdir(root);
  await mkdir(into);
  makeTree(root);
  const { sealed, backup } = await sealTree(root, folder);
  assert.equal(sealed.readProblems.count, 0);

  const extracted = await extract({ ...backup, into }, live);

  assert.deepEqual(extracted.warnings, []);
  assert.deepEqual(await describeTree(join(into, "backup")), await describeTree(root));
  assert.equal(attributes(join(into, "backup")), attributes(root));
});

for (const kind of ["zst", "gz", "none"] as const) {
  for (const key of [passphraseKey, { kind: "none" } as const]) {
    test(`a backup with compression '${kind}' and key '${key.kind}' opens again`, async (t) => {
      const folder = temporaryFolder(t);
      const [root, into] = [join(folder, "root"), join(folder, "into")];
      await mkdir(root);
      await mkdir(into);
      execFileSync("sh", ["-c", "printf 1 > a; mkdir b; seq 100000 > b/c; ln -s c b/d"], { cwd: root });
      const { backup, sealed } = await sealTree(root, folder, { compression: { kind, level: 3 }, key });
      await extract({ ...backup, into }, live);
      assert.deepEqual(await describeTree(join(into, "backup")), await describeTree(root));
      assert.deepEqual(sealed.counts, { files: 2, folders: 2, symlinks: 1, hardlinks: 0 });
    });
  }
}

test("lists with an owner of their own are put into the same archive under that owner", async (t) => {
  const folder = temporaryFolder(t);
  const roots = ["one", "two", "three"].map((name) => join(folder, name));
  for (const root of roots) await mkdir(root);
  const [one = "", two = "", three = ""] = roots;
  await writeFile(join(one, "a"), "a");
  await writeFile(join(two, "b"), "b".repeat(100_000));
  await writeFile(join(three, "c"), "c");
  const lists = roots.map((root, at) => listAll(root, join(folder, `list-${at}`)));
  await writeFile(join(folder, "list-1"), "./b\0");
  await writeFile(join(folder, "list-2"), "./c\0");
  const owned = lists.map((list, at) => (at === 1 ? { ...list, owner: { uid: 70, gid: 71 } } : list));
  const { backup, sealed } = await sealTree(one, folder, { lists: owned, key: { kind: "none" } });

  const into = join(folder, "into");
  await mkdir(into);
  await extract({ ...backup, into }, live);
  const found = execFileSync("stat", ["-c", "%n %u:%g", "a", "b", "c"], { cwd: join(into, "backup") });
  assert.equal(found.toString(), "a 0:0\nb 70:71\nc 0:0\n");
  assert.equal(sealed.tarBytes % 10_240, 0);
  assert.equal(sealed.contentBytes, 100_002);
});

test("the same files give the same tar and the same index", async (t) => {
  const folder = temporaryFolder(t);
  const [root, other] = [join(folder, "root"), join(folder, "other")];
  await mkdir(root);
  await mkdir(other);
  makeTree(root);
  const first = await sealTree(root, folder, { compression: none, key: { kind: "none" } });
  await readFile(join(root, "plain"));
  const second = await sealTree(root, other, { compression: none, key: { kind: "none" } });
  assert.equal(second.sealed.archive.sha256, first.sealed.archive.sha256);
  assert.equal(second.sealed.index.sha256, first.sealed.index.sha256);
});

test("a path on two lists is refused", async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, "twice"), "x");
  await writeFile(join(folder, "list"), "./twice\0");
  await writeFile(join(folder, "again"), "./twice\0");
  const lists = ["list", "again"].map((name) => ({ root: folder, listFile: join(folder, name), inPlace: true }));
  await assert.rejects(sealTree(folder, folder, { lists }), /'backup\/twice' would be in the archive twice/);
});

test("only what was asked for is extracted, with the folders above it", async (t) => {
  const folder = temporaryFolder(t);
  const [root, into] = [join(folder, "root"), join(folder, "into")];
  await mkdir(root);
  await mkdir(into);
  execFileSync("sh", ["-c", "mkdir -p a/b ab; touch a/b/1 a/2 ab/3 4; ln 4 a/b/5; chmod 700 a"], { cwd: root });
  const paths = [".", "./4", "./a", "./a/2", "./a/b", "./a/b/1", "./a/b/5", "./ab", "./ab/3"];
  await writeFile(join(folder, "list"), paths.map((path) => `${path}\0`).join(""));
  const lists = [{ root, listFile: join(folder, "list"), inPlace: true }];
  const { backup } = await sealTree(root, folder, { lists });
  await extract({ ...backup, into, only: [Buffer.from("backup/a/b")] }, live);
  const found = execFileSync("sh", ["-c", "find . -print0 | sort -z | tr '\\0' ' '; stat -c %a a"], {
    cwd: join(into, "backup"),
  });
  const expected = [".", "./4", "./a", "./a/b", "./a/b/1", "./a/b/5", "700\n"];
  assert.equal(found.toString(), expected.join(" "));
});

test("asking for a path that is not in the backup is 'not-found'", async (t) => {
  const folder = temporaryFolder(t);
  const [root, into] = [join(folder, "root"), join(folder, "into")];
  await mkdir(root);
  await mkdir(into);
  const { backup } = await sealTree(root, folder);
  await assert.rejects(extract({ ...backup, into, only: [Buffer.from("backup/no")] }, live), { kind: "not-found" });
});

test("the index names every member, in order, and verifying reads them all", async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  await mkdir(root);
  makeTree(root);
  const { backup, sealed } = await sealTree(root, folder);
  let entries = 0;
  for await (const entry of readIndex(backup.indexPath, passphraseKeys, live)) {
    assert.equal(entry.heldBy, "0a1b2c3d");
    entries += 1;
  }
  const { files, folders, symlinks, hardlinks } = sealed.counts;
  assert.equal(entries, files + folders + symlinks + hardlinks);
  const { members, contentBytes, damaged } = await verifyArchive(backup, live);
  assert.deepEqual([members, contentBytes, damaged.count], [entries, sealed.contentBytes, 0]);
  let tarBytes = 0;
  for await (const bytes of await openSealed(backup.archivePath, passphraseKeys, live)) tarBytes += bytes.length;
  assert.equal(tarBytes, sealed.tarBytes);
});
