import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { formatEntry } from "../../../src/archive/index-file.ts";
import { linesOfPaths } from "../../../src/run/catalogue/index-paths.ts";
import { sortedLines } from "../../../src/run/look/sorted-lines.ts";

const live = new AbortController().signal;

function line(path: Buffer): string {
  const common = { sizeBytes: 0, mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, heldBy: "0a1b2c3d" };
  return formatEntry({ ...common, path, type: "folder" }).trimEnd();
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "lifeboat-sorted-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function* batchesOf(paths: readonly Buffer[]): AsyncGenerator<readonly string[]> {
  for (let at = 0; at < paths.length; at += 1000) yield paths.slice(at, at + 1000).map(line);
}

const sorting = (paths: readonly Buffer[], folder: string) =>
  sortedLines(linesOfPaths(batchesOf(paths), "an.index"), { folder, name: "an.index" }, live);

test("lines come by the bytes of their paths, a folder before what is in it, odd names and all", async (t) => {
  const names = [
    "backup/b",
    "backup/a.txt",
    "backup/a/x",
    "backup/a",
    "backup",
    'backup/a"quoted\\',
    "backup/ü\n",
    "backup/a-b",
  ];
  const paths = [...names.map((name) => Buffer.from(name)), Buffer.from("backup/\xff", "latin1")];
  const folder = temporaryFolder(t);
  const sorted: string[] = [];
  for await (const batch of sorting(paths, folder)) sorted.push(...batch.map(({ path }) => path));
  assert.deepEqual(
    sorted,
    paths.toSorted(Buffer.compare).map((path) => path.toString("latin1")),
  );
  assert.deepEqual(await readdir(folder), []);
});

test("more lines than are held at once are put aside, unreadable, and taken away as they are read", async (t) => {
  const folder = temporaryFolder(t);
  const deep = "very-long-name-of-a-folder".repeat(8);
  // In an order of their own: 7919 and 30,000 have no common divisor.
  const paths = Array.from({ length: 30_000 }, (_, at) => Buffer.from(`backup/${deep}/${(at * 7919) % 30_000}`));
  const sorted: Buffer[] = [];
  let aside = 0;
  for await (const batch of sorting(paths, folder)) {
    if (sorted.length === 0) {
      const files = await readdir(folder);
      aside = files.length;
      for (const file of files) {
        assert.equal((await stat(join(folder, file))).mode & 0o777, 0o600);
        assert.ok(!(await readFile(join(folder, file))).includes("very-long-name"));
      }
    }
    sorted.push(...batch.map(({ path }) => Buffer.from(path, "latin1")));
  }
  assert.ok(aside >= 2, `${aside} files`);
  assert.deepEqual(sorted, paths.toSorted(Buffer.compare));
  assert.deepEqual(await readdir(folder), []);
});

test("however many loads there are, few files are open at a time", async (t) => {
  const folder = temporaryFolder(t);
  // 1,200 loads of five lines: files of one load, of 32, and of 1,024.
  const paths = Array.from({ length: 6_000 }, (_, at) => Buffer.from(`backup/${(at * 7919) % 6_000}`));
  async function* batches(): AsyncGenerator<readonly string[]> {
    for (let at = 0; at < paths.length; at += 5) yield paths.slice(at, at + 5).map(line);
  }
  const where = { folder, name: "an.index", loadCharacters: 1 };
  const sorted: Buffer[] = [];
  let most = 0;
  for await (const batch of sortedLines(linesOfPaths(batches(), "an.index"), where, live)) {
    if (sorted.length % 1000 === 0) most = Math.max(most, (await readdir(folder)).length);
    sorted.push(...batch.map(({ path }) => Buffer.from(path, "latin1")));
  }
  assert.ok(most > 0 && most < 96, `${most} files`);
  assert.deepEqual(sorted, paths.toSorted(Buffer.compare));
  assert.deepEqual(await readdir(folder), []);
});

test("a reader that stops early leaves nothing", async (t) => {
  const folder = temporaryFolder(t);
  const paths = Array.from({ length: 20_000 }, (_, at) => Buffer.from(`backup/${"x".repeat(300)}/${20_000 - at}`));
  for await (const _ of sorting(paths, folder)) break;
  assert.deepEqual(await readdir(folder), []);
});
