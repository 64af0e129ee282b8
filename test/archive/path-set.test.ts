import assert from "node:assert/strict";
import { test } from "node:test";
import { PathSet } from "../../src/archive/path-set.ts";

test("a set of very many paths knows each of them once", () => {
  const paths = new PathSet();
  const path = (at: number) => Buffer.from(`backup/folder-${at % 100}/file-${at}`);
  for (let at = 0; at < 50_000; at++) assert.equal(paths.add(path(at)), true);
  for (let at = 0; at < 50_000; at += 7) assert.equal(paths.add(path(at)), false);
  for (let at = 0; at < 50_000; at += 11) assert.equal(paths.has(path(at)), true);
  for (let at = 50_000; at < 60_000; at++) assert.equal(paths.has(path(at)), false);
  assert.equal(paths.size, 50_000);
});
