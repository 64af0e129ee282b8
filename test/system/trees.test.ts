import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeTree } from "../../src/system/trees.ts";

test("a tree that is deeper than any path may be long is removed, and so is one that is not there", async () => {
  const tree = mkdtempSync(join(tmpdir(), "lifeboat-tree-"));
  const name = "n".repeat(240);
  execFileSync("sh", ["-c", 'for i in $(seq 20); do mkdir "$1" && cd -P "$1" || exit 1; done; : > file', "sh", name], {
    cwd: tree,
  });
  await removeTree(tree);
  assert.equal(existsSync(tree), false);
  await removeTree(tree);
});
