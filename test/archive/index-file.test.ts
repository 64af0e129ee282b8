import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { IndexEntry } from "../../src/archive/format.ts";
import { formatEntry, parseEntry, readIndex } from "../../src/archive/index-file.ts";
import { live, temporaryFolder } from "./rig.ts";

const file: IndexEntry = {
  ...{ path: Buffer.from("backup/ünï\n"), type: "file", sizeBytes: 2 ** 43, mode: 0o4755, uid: 4_294_967_294, gid: 0 },
  ...{ mtimeNs: -1_500_000_001n, sha256: "a".repeat(64), heldBy: "0a1b2c3d" },
};
const { sha256: _, ...common } = { ...file, sizeBytes: 0 };

const entries: Record<string, IndexEntry> = {
  "a file": file,
  "a name that is not UTF-8": { ...file, path: Buffer.from("backup/\xff\xfe", "latin1") },
  "a name with a replacement character of its own": { ...file, path: Buffer.from("backup/\ufffd") },
  "a folder": { ...common, type: "folder" },
  "a symlink to bytes": { ...common, type: "symlink", linkTarget: Buffer.from("/\x80", "latin1") },
  "a hard link": { ...common, type: "hardlink", linkTarget: Buffer.from("backup/a") },
};

for (const [what, entry] of Object.entries(entries)) {
  test(`${what} reads back from its line as it was`, () => {
    const line = formatEntry(entry);
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.deepEqual(parseEntry(line.trimEnd()), entry);
  });
}

test("a line that is not an entry is named by its number", async (t) => {
  const good = formatEntry(file);
  const bad = [
    "",
    "{}",
    "null",
    good.replace('"type":"file"', '"type":"device"').trimEnd(),
    good.replace('"sha256"', '"sha1"').trimEnd(),
    good.replace('"mode":"4755"', '"mode":"99"').trimEnd(),
    good.replace('"path"', '"pathBase64":"YQ==","path"').trimEnd(),
    formatEntry({ ...common, type: "symlink" }).trimEnd(),
    formatEntry({ ...common, type: "folder", linkTarget: Buffer.from("x") }).trimEnd(),
    formatEntry({ ...common, type: "folder", sizeBytes: 1 }).trimEnd(),
  ];
  const path = join(temporaryFolder(t), "broken.index");
  for (const line of bad) {
    await writeFile(path, `${good}${good}${line}\n${good}`);
    const reading = async () => {
      for await (const entry of readIndex(path, {}, live)) void entry;
    };
    await assert.rejects(reading, { kind: "verification-failed", message: /^line 3 of 'broken\.index'/ }, line);
  }
});
