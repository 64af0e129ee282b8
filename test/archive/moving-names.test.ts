import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { extract } from "../../src/archive/extract.ts";
import { seal, type Sealed } from "../../src/archive/seal.ts";
import type { MemberList } from "../../src/sources/source.ts";
import { survey } from "../../src/sources/survey.ts";
import { live, none, temporaryFolder } from "./rig.ts";

interface Walked {
  readonly folder: string;
  readonly root: string;
  /** Outside the root. */
  readonly outside: string;
  readonly lists: readonly MemberList[];
}

/** A tree, walked; all of it is of last year. */
async function walkedTree(t: TestContext): Promise<Walked> {
  const folder = temporaryFolder(t);
  const [root, outside, lists] = ["root", "outside", "lists"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const made of [root, outside, lists, join(root, "d", "deep"), join(root, "other"), join(outside, "deep")]) {
    mkdirSync(made, { recursive: true });
  }
  for (const path of ["d/f", "d/deep/g", "other/f", "x", "zz"]) writeFileSync(join(root, path), `ours: ${path}`);
  for (const path of ["f", "deep/g", "x"]) writeFileSync(join(outside, path), "secret");
  symlinkSync("d", join(root, "link"));
  execFileSync("sh", ["-c", 'find "$1" -exec touch -h -d 2001-01-01 {} +', "sh", folder]);
  const options = { root, exclude: [], sqlite: "auto", never: [] } as const;
  const { listFile, walked } = await survey(options, lists, live);
  return { folder, root, outside, lists: [{ root, listFile, inPlace: true, walked }] };
}

async function sealWalked({ folder, lists }: Walked, onProgress?: () => void): Promise<Sealed> {
  const [archivePath, indexPath] = [join(folder, "a.tar"), join(folder, "a.index")];
  const to = { compression: none, key: { kind: "none" }, archivePath, indexPath } as const;
  return await seal({ id: "0a1b2c3d", lists, ...to, ...(onProgress ? { onProgress } : {}) }, live);
}

/** Restores what was sealed. */
async function extractSealed({ folder }: Walked): Promise<string> {
  const into = join(folder, "into");
  mkdirSync(into);
  await extract({ archivePath: join(folder, "a.tar"), indexPath: join(folder, "a.index"), keys: {}, into }, live);
  const found = execFileSync("sh", ["-c", `grep -rl secret "$1" || :`, "sh", into], { encoding: "utf8" });
  assert.equal(found, "");
  return join(into, "backup");
}

function problemsOf({ readProblems }: Sealed): Record<string, string> {
  return Object.fromEntries(readProblems.first.map(({ path, problem }) => [path.toString(), problem]));
}

/** A program that goes by the name of tar until the test is over; `$real` is GNU tar. */
function standInTar(t: TestContext, folder: string, script: string): void {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const real = execFileSync("sh", ["-c", "command -v tar"], { encoding: "utf8" }).trim();
  writeFileSync(join(bin, "tar"), `#!/bin/sh\nreal=${real}\n${script}\n`);
  chmodSync(join(bin, "tar"), 0o755);
  const before = process.env["PATH"];
  process.env["PATH"] = `${bin}:${before}`;
  t.after(() => (process.env["PATH"] = before));
}

interface Change {
  readonly commands: string;
  readonly problems: Record<string, string>;
  /** Is there after a restore, and what it is. */
  readonly kept?: Record<string, "symlink" | "file" | "folder">;
}

const vanishedFolder = { "./d/f": "vanished", "./d/deep": "vanished", "./d/deep/g": "vanished" };
const changes: Record<string, Change> = {
  "a folder becomes a symlink to another folder": {
    commands: "mv d ../old; ln -s other d",
    problems: vanishedFolder,
    kept: { d: "symlink" },
  },
  "a folder becomes a symlink to a folder outside": {
    commands: "mv d ../old; ln -s ../outside d",
    problems: vanishedFolder,
    kept: { d: "symlink" },
  },
  "a folder becomes a symlink to where it is now": {
    commands: "mv d ../old; ln -s ../old d",
    problems: vanishedFolder,
    kept: { d: "symlink" },
  },
  "a folder deeper down becomes a symlink": {
    commands: "mv d/deep ../old; ln -s ../../outside/deep d/deep",
    problems: { "./d/deep/g": "vanished" },
    kept: { "d/f": "file", "d/deep": "symlink" },
  },
  "a folder becomes another folder": {
    commands: "mv d ../old; cp -a ../outside d",
    problems: { "./d": "vanished", ...vanishedFolder },
  },
  "a folder becomes a file": { commands: "rm -r d; echo z > d", problems: vanishedFolder, kept: { d: "file" } },
  "a folder becomes a FIFO": { commands: "rm -r d; mkfifo d", problems: { "./d": "vanished", ...vanishedFolder } },
  "a folder becomes a link to itself": {
    commands: "rm -r d; ln -s d d",
    problems: vanishedFolder,
    kept: { d: "symlink" },
  },
  "a folder vanishes": { commands: "rm -r d", problems: { "./d": "vanished", ...vanishedFolder } },
  "a file becomes a FIFO": { commands: "rm x; mkfifo x", problems: { "./x": "vanished" } },
  "a file becomes a device": { commands: "rm x; mknod x c 1 3", problems: { "./x": "vanished" } },
  "a file becomes a socket": {
    commands: `rm x; ${process.execPath} -e 'require("net").createServer().listen("x", () => process.kill(process.pid, 9))' || :`,
    problems: { "./x": "vanished" },
  },
  "a file becomes a folder": { commands: "rm x; mkdir x; echo secret > x/q", problems: { "./x": "vanished" } },
  "a file becomes a symlink": { commands: "rm x; ln -s ../outside/x x", problems: {}, kept: { x: "symlink" } },
  "a symlink becomes a folder": { commands: "rm link; mkdir link", problems: { "./link": "vanished" } },
  "a symlink becomes a file": { commands: "rm link; echo z > link", problems: {}, kept: { link: "file" } },
  "a file is written anew under its name": { commands: "echo z > new; mv new x", problems: {}, kept: { x: "file" } },
};

for (const [what, { commands, problems, kept = {} }] of Object.entries(changes)) {
  test(`after the walk ${what}: that is told, and the backup can be restored`, async (t) => {
    const walked = await walkedTree(t);
    execFileSync("sh", ["-c", commands], { cwd: walked.root });
    const sealed = await sealWalked(walked);
    assert.deepEqual(problemsOf(sealed), problems);
    const restored = await extractSealed(walked);
    for (const path of ["zz", "other/f"]) assert.equal(readFileSync(join(restored, path), "utf8"), `ours: ${path}`);
    for (const [path, kind] of Object.entries(kept)) {
      const stats = lstatSync(join(restored, path));
      assert.equal(stats.isSymbolicLink() ? "symlink" : stats.isDirectory() ? "folder" : "file", kind, path);
    }
    for (const path of Object.keys(problems)) {
      // Through a link there may be something of that name.
      const isReached = Object.keys(kept).some((link) => path.startsWith(`./${link}`));
      if (!isReached) assert.equal(existsSync(join(restored, path)), false, path);
    }
  });
}

test("a folder that becomes a symlink while files of it are read leaves what was read before, and no more", async (t) => {
  const walked = await walkedTree(t);
  const { root } = walked;
  writeFileSync(join(root, "d", "a-big"), randomBytes(8 * 1024 * 1024));
  const again = join(walked.folder, "again");
  mkdirSync(again);
  const { listFile, walked: places } = await survey({ root, exclude: [], sqlite: "auto", never: [] }, again, live);
  let switched = false;
  const sealed = await sealWalked({ ...walked, lists: [{ root, listFile, inPlace: true, walked: places }] }, () => {
    if (switched) return;
    switched = true;
    renameSync(join(root, "d"), join(walked.folder, "old"));
    symlinkSync("../outside", join(root, "d"));
  });
  assert.deepEqual(problemsOf(sealed), vanishedFolder);
  const restored = await extractSealed(walked);
  assert.equal(lstatSync(join(restored, "d", "a-big")).size, 8 * 1024 * 1024);
});

test("a link that was there only while tar read is found out by what it led to", async (t) => {
  const walked = await walkedTree(t);
  standInTar(
    t,
    walked.folder,
    `cd ${walked.root}; mv d ../old; ln -s ../outside d; touch -d 2000-01-01 ../outside/f ../outside/deep/g
     $real "$@" > ../said; code=$?; rm d; mv ../old d; cat ../said; exit $code`,
  );
  const sealed = await sealWalked(walked);
  assert.deepEqual(problemsOf(sealed), { "./d/f": "unreadable", "./d/deep": "vanished", "./d/deep/g": "unreadable" });
  await extractSealed(walked);
});

test("a file that was written to just when it was read is read again", async (t) => {
  const walked = await walkedTree(t);
  standInTar(
    t,
    walked.folder,
    `cd ${walked.root}; $real "$@" > ../said; code=$?; echo ours: written to > x; cat ../said; exit $code`,
  );
  const sealed = await sealWalked(walked);
  assert.deepEqual(problemsOf(sealed), {});
  assert.equal(sealed.counts.files, 5);
  assert.equal(readFileSync(join(await extractSealed(walked), "x"), "utf8"), "ours: written to\n");
});

test("a further name of a file that was left out has the content itself", async (t) => {
  const walked = await walkedTree(t);
  const { root, outside } = walked;
  execFileSync("sh", ["-c", "ln other/f other/second; rm d/f; ln other/f d/f"], {
    cwd: root,
  });
  const again = join(walked.folder, "again");
  mkdirSync(again);
  const { listFile, walked: places } = await survey({ root, exclude: [], sqlite: "auto", never: [] }, again, live);
  execFileSync("sh", ["-c", 'rm -r d; ln -s other d; touch -h -d 2001-01-01 d; rm -r "$1"', "sh", outside], {
    cwd: root,
  });
  const sealed = await sealWalked({ ...walked, lists: [{ root, listFile, inPlace: true, walked: places }] });
  assert.deepEqual(problemsOf(sealed), vanishedFolder);
  const restored = await extractSealed(walked);
  for (const path of ["other/f", "other/second"])
    assert.equal(readFileSync(join(restored, path), "utf8"), "ours: other/f");
});
