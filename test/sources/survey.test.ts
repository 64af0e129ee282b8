import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import Database from "better-sqlite3";
import type { Survey } from "../../src/sources/findings.ts";
import { folderSnapshot } from "../../src/sources/folder.ts";
import { survey, type SurveyOptions } from "../../src/sources/survey.ts";

describe("survey", () => {
  let root: string;
  let lists: string;
  const signal = new AbortController().signal;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "survey-root-"));
    lists = await mkdtemp(join(tmpdir(), "survey-lists-"));
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
    await rm(lists, { recursive: true, force: true });
  });

  async function surveyed(
    options: Partial<SurveyOptions> = {},
  ): Promise<Survey & { readonly listed: readonly string[] }> {
    const given = { root, exclude: [], sqlite: "auto", never: [], ...options } as const;
    const folder = await mkdtemp(join(lists, "list-"));
    const result = await survey(given, folder, signal);
    const listed = (await readFile(result.listFile, "latin1")).split("\0");
    assert.equal(listed.pop(), "", "the list ends with a NUL");
    return { ...result, listed };
  }

  test("everything below the root is listed in the order of the bytes, folders before what is in them", async () => {
    await mkdir(join(root, "b"));
    await writeFile(join(root, "b", "inner"), "12345");
    await writeFile(join(root, "b.txt"), "123");
    await writeFile(join(root, "Z"), "");
    await symlink("/nowhere", join(root, "a-link"));
    const { listed, totals } = await surveyed();
    assert.deepEqual(listed, [".", "./Z", "./a-link", "./b", "./b/inner", "./b.txt"]);
    assert.deepEqual(totals, { files: 3, folders: 2, symlinks: 1, sizeBytes: 8, allocatedBytes: 8 });
  });

  test("holes count in the length of files and not in the room they take", async () => {
    await writeFile(join(root, "image"), "x".repeat(10_000));
    await truncate(join(root, "image"), 2 ** 40);
    await writeFile(join(root, "empty"), "");
    await truncate(join(root, "empty"), 2 ** 30);
    const { totals } = await surveyed();
    assert.equal(totals.sizeBytes, 2 ** 40 + 2 ** 30);
    assert.ok(totals.allocatedBytes >= 10_000 && totals.allocatedBytes < 100_000, String(totals.allocatedBytes));
  });

  test("every folder on the list has its identity", async () => {
    await mkdir(join(root, "a", "new\nline"), { recursive: true });
    await writeFile(join(root, "a", "file"), "");
    const { walked } = await surveyed();
    const identity = (path: string) => {
      const { dev, ino } = lstatSync(join(root, path));
      return `${dev}:${ino} ${path}\0`;
    };
    assert.equal(await readFile(walked.foldersFile, "utf8"), ["", "a", "a/new\nline"].map(identity).join(""));
  });

  test("names that are no text are listed byte for byte", async () => {
    const names = ["new\nline", "-rf", " lead and trail ", "quote'\"", "\xff\xfe", "\xc3\xa9", "x".repeat(255)];
    for (const name of names) await writeFile(Buffer.from(`${root}/${name}`, "latin1"), "");
    const { listed } = await surveyed();
    assert.deepEqual(listed, [".", ...names.map((name) => `./${name}`).sort()]);
  });

  test("symlinks are listed and never followed, loops and links to folders included", async () => {
    await writeFile(join(root, "file"), "");
    await symlink(".", join(root, "loop"));
    await symlink(lists, join(root, "out"));
    const { listed } = await surveyed();
    assert.deepEqual(listed, [".", "./file", "./loop", "./out"]);
  });

  test("a symlink in a volume's place that leads out is told of, also if nothing is there; others are not", async () => {
    await mkdir(join(root, "volume"));
    await writeFile(join(root, "volume", "file"), "");
    const links = {
      ...{ "volume/deep": lists, same: "volume", gone: "not/yet", absolute: join(root, "volume"), self: "self" },
      ...{
        "access.log": "/dev/stdout",
        media: lists,
        "on-the-host": "/mnt/disk2/media",
        up: "../elsewhere",
        "up-b": "..",
      },
    };
    for (const [name, target] of Object.entries(links)) await symlink(target, join(root, name));
    const found = await surveyed();
    const { names } = found.leadingOut;
    assert.deepEqual(names, [
      `media -> ${lists}`,
      "on-the-host -> /mnt/disk2/media",
      "up -> ../elsewhere",
      "up-b -> ..",
    ]);
    const { finding } = folderSnapshot(found);
    assert.equal(finding.outcome, "flawed");
    assert.match(
      finding.flaws.join(),
      /^4 symlinks lead out of what is saved, .*: 'media -> .*\. Mount the folder itself below/,
    );
    assert.equal((await surveyed({ exclude: ["media", "on-*", "up*"] })).leadingOut.count, 0);
  });

  test("where there are only symlinks there is nothing to save", async () => {
    await symlink("file", join(root, "inside"));
    await assert.rejects(surveyed(), /nothing to save below '.*': there are only symlinks/);
    await symlink("/mnt/disk2/media", join(root, "media"));
    await assert.rejects(surveyed(), /nothing to save below '.*': 'media -> \/mnt\/disk2\/media' is a symlink/);
    assert.equal((await surveyed({ mayBeEmpty: true })).leadingOut.count, 1);
  });

  test("sockets, FIFOs and devices are named, left out and never opened", async () => {
    await writeFile(join(root, "file"), "");
    execFileSync("mkfifo", [join(root, "pipe")]);
    execFileSync("mknod", [join(root, "null"), "c", "1", "3"]);
    const server = createServer().listen(join(root, "some.sock"));
    try {
      const { listed, special } = await surveyed();
      assert.deepEqual(listed, [".", "./file"]);
      assert.deepEqual([special.count, special.names], [3, ["null", "pipe", "some.sock"]]);
    } finally {
      server.close();
    }
  });

  test("a database is known by its header, whatever its name, and its side files go with it", async () => {
    const database = new Database(join(root, "state.bin"));
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    await writeFile(join(root, "state.bin-journal"), "");
    await writeFile(join(root, "other.bin-wal"), "belongs to no database");
    await writeFile(join(root, "state.bin-copy"), "");
    await writeFile(join(root, "empty.db"), "");
    await writeFile(join(root, "text.db"), "SQLite format 3".padEnd(200, "!"));
    await writeFile(join(root, "short.db"), "SQLite format 3\0");
    try {
      const { listed, databases } = await surveyed();
      const plain = ["empty.db", "other.bin-wal", "short.db", "state.bin-copy", "text.db"];
      assert.deepEqual(listed, [".", ...plain.map((name) => `./${name}`)]);
      assert.deepEqual(
        databases.map(({ path }) => path.toString()),
        ["state.bin"],
      );
      assert.ok(databases[0] && databases[0].sizeBytes > 4096, "the size of the -wal counts");
    } finally {
      database.close();
    }
  });

  test("with sqlite off a database is a file like any other", async () => {
    const database = new Database(join(root, "a.db"));
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    try {
      const { listed, databases } = await surveyed({ sqlite: "off" });
      assert.deepEqual(listed, [".", "./a.db", "./a.db-shm", "./a.db-wal"]);
      assert.deepEqual(databases, []);
    } finally {
      database.close();
    }
  });

  test("a glob without a slash excludes at any depth, one with a slash from the root", async () => {
    await mkdir(join(root, "a", "cache"), { recursive: true });
    await mkdir(join(root, "cache", "deep"), { recursive: true });
    await mkdir(join(root, "odd", "new\nline"), { recursive: true });
    await writeFile(join(root, "odd", "new\nline", "z"), "");
    for (const path of ["x.pid", "a/y.pid", "a/cache/z", "cache/deep/w", "a/new\nline.pid", "a/.hidden.pid", "!odd"]) {
      await writeFile(join(root, path), "");
    }
    assert.deepEqual((await surveyed({ exclude: ["*.pid", "/cache/", "!odd", "odd/"] })).listed, [
      ".",
      "./a",
      "./a/cache",
      "./a/cache/z",
    ]);
    assert.deepEqual((await surveyed({ exclude: ["cache", "**/*.pid", "odd/**/z"] })).listed, [
      ".",
      "./!odd",
      "./a",
      "./odd",
      "./odd/new\nline",
    ]);
    assert.equal((await surveyed({ exclude: ["a"] })).excluded, 1);
  });

  test("a regular expression excludes by relative path, also with the flags that make it remember", async () => {
    for (const name of ["a1", "a2", "a3", "b"]) await writeFile(join(root, name), "");
    assert.deepEqual((await surveyed({ excludeRegexp: /^a\d$/g })).listed, [".", "./b"]);
  });

  test("the sidecar's own folders are left out, also under the name of another mount", async () => {
    for (const folder of ["state", "archive", "elsewhere"]) await mkdir(join(root, folder));
    await writeFile(join(root, "archive", "old.tar"), "x");
    await writeFile(join(root, "file"), "");
    execFileSync("mount", ["--bind", join(root, "archive"), join(root, "elsewhere")]);
    try {
      const { listed, ownFolders } = await surveyed({
        never: [join(root, "state"), join(root, "archive"), "/not/there"],
      });
      assert.deepEqual(listed, [".", "./file"]);
      assert.deepEqual(ownFolders.names, ["archive", "elsewhere", "state"]);
    } finally {
      execFileSync("umount", [join(root, "elsewhere")]);
    }
  });

  test("volumes mounted below the root are part of it", async () => {
    await mkdir(join(root, "volume"));
    await writeFile(join(lists, "inside"), "");
    execFileSync("mount", ["--bind", lists, join(root, "volume")]);
    try {
      assert.ok((await surveyed()).listed.includes("./volume/inside"));
    } finally {
      execFileSync("umount", [join(root, "volume")]);
    }
  });

  test("what cannot be read is named and does not stop the survey", async () => {
    await mkdir(join(root, "closed"));
    await writeFile(join(root, "closed", "unseen"), "");
    await writeFile(join(root, "secret"), "");
    await writeFile(join(root, "secret-large"), "x".repeat(5000));
    await writeFile(join(root, "open"), "");
    for (const [name, mode] of [
      ["closed", 0],
      ["secret", 0],
      ["secret-large", 0],
    ] as const)
      await chmod(join(root, name), mode);
    await chmod(root, 0o755);
    await chmod(lists, 0o777);
    const child = spawnSync(process.execPath, [join(import.meta.dirname, "survey-child.ts"), root, lists], {
      uid: 1000,
      gid: 1000,
      encoding: "utf8",
    });
    assert.equal(child.status, 0, child.stderr);
    const { listed, unreadable, outcome, flaws } = JSON.parse(child.stdout) as Record<string, unknown>;
    assert.deepEqual(listed, [".", "./closed", "./open"]);
    assert.deepEqual(unreadable, { count: 3, names: ["closed (EACCES)", "secret (EACCES)", "secret-large (EACCES)"] });
    assert.equal(outcome, "flawed");
    assert.match(String(flaws), /^3 files or folders could not be read: 'closed \(EACCES\)'/);
  });

  test("a root that is missing, a file, empty, a whole system or the socket's folder is refused by name", async () => {
    await assert.rejects(surveyed({ root: join(root, "missing") }), /missing', does not exist/);
    await assert.rejects(surveyed({ root: "/" }), /'\/' is a whole system/);
    await assert.rejects(surveyed(), /there is nothing to save below/);
    await mkdir(join(root, "an-empty-volume"));
    await assert.rejects(surveyed(), /there is nothing to save below/);
    await writeFile(join(root, "file"), "");
    await assert.rejects(surveyed({ exclude: ["file"] }), /all of it is excluded/);
    await assert.rejects(surveyed({ root: join(root, "file") }), /', is not a folder/);
    await assert.rejects(surveyed({ never: [root] }), /is one of the sidecar's own folders/);
    const server = createServer().listen(join(root, "docker.sock"));
    try {
      await assert.rejects(surveyed(), /holds the Docker socket/);
    } finally {
      server.close();
    }
    for (const name of ["dev", "etc", "proc", "sys", "usr"]) await mkdir(join(root, name));
    await assert.rejects(surveyed(), /is a whole system/);
  });

  test("twenty thousand files take little memory and little time", async () => {
    const folder = join(root, "many");
    await mkdir(folder);
    await writeFile(join(root, "model"), "");
    await truncate(join(root, "model"), 200);
    execFileSync("sh", [
      "-c",
      `cd "$1" && seq -f '%.0f-some-rather-long-name-to-take-memory' 20000 | xargs -n 5000 touch`,
      "sh",
      folder,
    ]);
    const child = spawnSync(
      process.execPath,
      ["--max-old-space-size=24", join(import.meta.dirname, "survey-child.ts"), root, lists, "count"],
      { encoding: "utf8" },
    );
    assert.equal(child.status, 0, child.stderr);
    assert.equal((JSON.parse(child.stdout) as { totals: { files: number } }).totals.files, 20001);
  });

  test("an aborted survey ends with the reason", async () => {
    await writeFile(join(root, "file"), "");
    const options = { root, exclude: [], sqlite: "auto", never: [] } as const;
    const reason = new Error("enough");
    await assert.rejects(survey(options, lists, AbortSignal.abort(reason)), reason);
    await rename(join(lists, "in-place.list"), join(lists, "closed"));
  });
});
