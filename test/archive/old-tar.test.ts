import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { extractOld } from "../../src/archive/old/extract-old.ts";

let folder: string;
let tree: string;
let into: string;
let warnings: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lifeboat-old-"));
  [tree, into] = [join(folder, "tree"), join(folder, "into")];
  for (const each of [tree, into]) await mkdir(each);
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true }));

function tar(...args: readonly string[]): string {
  const file = join(folder, "old.tar");
  execFileSync("tar", ["-cf", file, "-C", tree, ...args]);
  return file;
}

async function extract(file: string, maxBytes = 1e9) {
  const warn = (sentence: string) => void warnings.push(sentence);
  const request = { tar: createReadStream(file), into, room: { bytes: maxBytes }, warn, onProgress: () => {} };
  return await extractOld(request, AbortSignal.timeout(20_000));
}

async function refused(file: string, message: RegExp, maxBytes?: number): Promise<void> {
  await assert.rejects(extract(file, maxBytes), message);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => !["tree", "into", "old.tar"].includes(name)),
    [],
    "something was written outside",
  );
}

const longName = `${"n".repeat(120)}/${"m".repeat(130)}`;

suite("a tar from before", () => {
  for (const format of ["gnu", "oldgnu", "posix", "ustar", "v7"]) {
    test(`in the format ${format} comes out as it went in`, async () => {
      await mkdir(join(tree, "folder"), { mode: 0o750 });
      await writeFile(join(tree, "folder", "file"), "content\n", { mode: 0o640 });
      await utimes(join(tree, "folder", "file"), 1_700_000_000, 1_700_000_000);
      await writeFile(join(tree, "empty"), "");
      await link(join(tree, "folder", "file"), join(tree, "second-name"));
      await symlink("/etc/passwd", join(tree, "link"));
      if (format !== "v7" && format !== "ustar") {
        await mkdir(join(tree, "n".repeat(120)));
        await writeFile(join(tree, longName), "long\n");
      }
      const { files } = await extract(tar(`--format=${format}`, "--owner=:70", "--group=:71", "."));
      assert(files >= 2);
      execFileSync("diff", ["-r", "--no-dereference", tree, join(into, "backup")]);
      const file = await stat(join(into, "backup", "folder", "file"));
      assert.deepEqual([file.mode & 0o7777, file.uid, file.mtimeMs], [0o640, 70, 1_700_000_000_000]);
      assert.equal((await stat(join(into, "backup", "second-name"))).ino, file.ino);
      assert.equal((await stat(join(into, "backup", "folder"))).mode & 0o777, 0o750);
      assert.deepEqual(warnings, []);
    });
  }

  test("with owners and times beyond octal numbers keeps them", async () => {
    await writeFile(join(tree, "file"), "");
    await extract(tar("--format=gnu", "--owner=:4000000000", "--mtime=@-86400", "file"));
    const { uid, mtimeMs } = await lstat(join(into, "backup", "file"));
    assert.deepEqual([uid, mtimeMs], [4_000_000_000, -86_400_000]);
  });

  test("without folders for its files makes them", async () => {
    await mkdir(join(tree, "a"));
    await writeFile(join(tree, "a", "b"), "b");
    await extract(tar("a/b"));
    assert.equal(await readFile(join(into, "backup", "a", "b"), "utf8"), "b");
  });

  test("with absolute names stays in its folder", async () => {
    await writeFile(join(tree, "file"), "x");
    await extract(tar("-P", `--transform=s,^file,/tmp/lifeboat-never,`, "file"));
    assert(!existsSync("/tmp/lifeboat-never"));
    assert(existsSync(join(into, "backup", "tmp", "lifeboat-never")));
  });

  test("that leads out of its folder is refused, by name and by hard link", async () => {
    await writeFile(join(tree, "file"), "x");
    await refused(tar("-P", "--transform=s,^file,a/../../escaped,", "file"), /leads out of its folder/);
    await link(join(tree, "file"), join(tree, "zz"));
    await refused(tar("-P", "--transform=flags=h;s,^file,../../escaped,", "file", "zz"), /leads out of its folder/);
    await refused(tar("-P", "--transform=flags=h;s,^file,not-there,", "file", "zz"), /not in the backup before it/);
  });

  test("that writes through a symlink, or one name twice, is refused", async () => {
    await symlink(folder, join(tree, "a"));
    await writeFile(join(tree, "b"), "x");
    await refused(tar("--transform=flags=r;s,^b,a/escaped,", "a", "b"), /written through a symlink/);
    await refused(tar("--transform=flags=r;s,^b,a,", "a", "b"), /is in it twice/);
  });

  test("loses its devices, FIFOs and setuid bits, and says so", async () => {
    await writeFile(join(tree, "program"), "x");
    await chmod(join(tree, "program"), 0o6755);
    execFileSync("mknod", [join(tree, "null"), "c", "1", "3"]);
    execFileSync("mkfifo", [join(tree, "pipe")]);
    await extract(tar("null", "pipe", "program"));
    assert.deepEqual(await readdir(join(into, "backup")), ["program"]);
    assert.equal((await stat(join(into, "backup", "program"))).mode & 0o7777, 0o755);
    assert.deepEqual(warnings, [
      "'null' was left out: it is a device",
      "'pipe' was left out: it is a FIFO",
      "'program' no longer has its setuid and setgid bits",
    ]);
  });

  test("with holes is refused instead of misread", async () => {
    execFileSync("truncate", ["-s", "10M", join(tree, "sparse")]);
    await refused(tar("--format=gnu", "-S", "sparse"), /stored with holes/);
    await refused(tar("--format=posix", "-S", "sparse"), /stored with holes/);
  });

  test("that was cut off anywhere, also between two members, is refused", async () => {
    await writeFile(join(tree, "a"), "x".repeat(600));
    await writeFile(join(tree, "b"), "y");
    const whole = await readFile(tar("--format=gnu", "a", "b"));
    // Header and two blocks of 'a', header and one block of 'b', and no end.
    for (const length of [100, 512, 1000, 1536, 2048, 2560]) {
      const file = join(folder, "old.tar");
      await writeFile(file, whole.subarray(0, length));
      await refused(file, /ends too early/);
      await rm(into, { recursive: true });
      await mkdir(into);
    }
  });

  test("with a damaged header, or more content than allowed, is refused", async () => {
    await writeFile(join(tree, "a"), "x".repeat(5000));
    const file = tar("a");
    await refused(file, /unpacks to more than 4999 bytes/, 4999);
    const bytes = await readFile(file);
    bytes[110] = 0x37;
    await writeFile(file, bytes);
    await refused(file, /wrong checksum/);
  });
});
