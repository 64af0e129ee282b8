import assert from "node:assert/strict";
import { test } from "node:test";
import { dumpPath, fileNameOf, globalsPath } from "../../../src/sources/postgres/file-names.ts";

test("a database of any name has a file of its own, below its server's folder and not hidden", () => {
  for (const name of ["app", "a b", "ä", "'quoted'", "$HOME"]) assert.equal(fileNameOf(name), name);
  assert.equal(fileNameOf("../../etc/passwd"), "%2E./../etc/passwd".replaceAll("/", "%2F"));
  assert.equal(fileNameOf("-rf"), "%2Drf");
  assert.equal(fileNameOf("a\nb%"), "a%0Ab%25");
  assert.equal(dumpPath("db", "a/b"), ".databases/db/a%2Fb.pgdump");
  assert.equal(globalsPath("..."), ".databases/%2E../globals.sql");
});
