import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { extract } from "../../src/archive/extract.ts";
import { survey } from "../../src/sources/survey.ts";
import { live, none, sealTree, temporaryFolder } from "./rig.ts";

/** What the kernel takes in one system call, the NUL at the end of a path included. */
const PATH_MAX = 4096;
/** Room for "backup/", and for the way by which tar reaches attributes. */
const LONGEST = PATH_MAX - 1 - 40;

test("the longest path that is saved can be restored anywhere, and a longer one is named", async (t) => {
  const folder = temporaryFolder(t);
  // A root of few characters, so that longer paths below it can be walked than can be restored.
  const root = `/${randomBytes(2).toString("hex")}`;
  mkdirSync(root);
  t.after(() => execFileSync("rm", ["-rf", root, join(folder, "into")]));
  const above = Array.from({ length: 16 }, () => "n".repeat(250)).join("/");
  const longest = `${above}/${"l".repeat(LONGEST - above.length - 1)}`;
  for (const path of [longest, `${longest}o`]) {
    execFileSync("sh", [
      "-c",
      'mkdir -p "$1" && cd "$1" && echo ours > "$2"',
      "sh",
      join(root, above),
      path.slice(above.length + 1),
    ]);
  }
  const { listFile, walked, unreadable } = await survey({ root, exclude: [], sqlite: "auto", never: [] }, folder, live);
  assert.deepEqual(unreadable.names, [`${longest}o (its path is too long to be restored)`]);
  const lists = [{ root, listFile, inPlace: true, walked }];
  const { sealed, backup } = await sealTree(root, folder, { compression: none, key: { kind: "none" }, lists });
  assert.deepEqual([sealed.readProblems.count, sealed.counts.files], [0, 1]);
  const into = join(folder, "into", "a".repeat(200), "b".repeat(200));
  mkdirSync(into, { recursive: true });
  await extract({ ...backup, into }, live);
  const found = execFileSync("find", ["backup", "-type", "f"], { cwd: into, encoding: "utf8", maxBuffer: 1 << 20 });
  assert.equal(found, `backup/${longest}\n`);
});
