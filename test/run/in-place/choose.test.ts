import assert from "node:assert/strict";
import { test } from "node:test";
import type { Receipt } from "../../../src/archive/receipt.ts";
import { chooseDatabases } from "../../../src/run/in-place/postgres/choose.ts";

const receipt = { sources: [] as Receipt["sources"] } as Receipt;
const layoutWith = (path: string) => ({ shares: [], unknown: [], stored: [{ path, sizeBytes: 1, isWanted: true }] });

test("a dump that the receipt tells nothing of is refused, by its name", () => {
  assert.throws(
    () => chooseDatabases(layoutWith(".databases/db/app.pgdump"), receipt, false),
    /does not say what '\.databases\/db\/app\.pgdump' is a dump of/,
  );
});

test("a file inside a base backup is no dump, whatever it is called", () => {
  const chosen = chooseDatabases(layoutWith(".databases/db/physical/data/base/old.pgdump"), receipt, false);
  assert.deepEqual(chosen.databases, []);
});
