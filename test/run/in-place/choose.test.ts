import { DamagedFiles } from "../../../src/archive/damaged-files.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Receipt } from "../../../src/archive/receipt.ts";
import { chooseDatabases } from "../../../src/run/in-place/postgres/choose.ts";

const receipt = { sources: [] as Receipt["sources"] } as Receipt;

test("a dump that the receipt tells nothing of is refused, by its name", () => {
  const stored = [{ path: ".databases/db/app.pgdump", sizeBytes: 1, isWanted: true }];
  assert.throws(
    () =>
      chooseDatabases(
        { shares: [], unknown: [], stored, damaged: new DamagedFiles(), hasBaseBackups: false },
        receipt,
        false,
      ),
    /does not say what '\.databases\/db\/app\.pgdump' is a dump of/,
  );
});
