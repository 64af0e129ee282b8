import assert from "node:assert/strict";
import { test } from "node:test";
import type { Receipt } from "../../../src/archive/receipt.ts";
import { LifeboatError } from "../../../src/errors.ts";
import type { Holding, KnownBackup } from "../../../src/run/catalogue/catalogue.ts";
import { loneParts } from "../../../src/run/restore/combine.ts";
import { foundationIn } from "../../../src/run/catalogue/foundation.ts";

const FACTS = {
  ...{
    version: "18.6",
    versionNumber: 180006,
    inRecovery: false,
    systemIdentifier: "7",
    tablespaces: [],
    copyBytes: 1,
  },
  walRanges: [{ timeline: 1, startLsn: "0/2000028", stopLsn: "0/2000120" }],
};
const ON = { backup: "aaaaaaaa", archive: "stack-20261122T020000Z-full.tar.zst.gpg", manifestSha256: "f0" };

/** As far as foundations go. */
function known(id: string, kind: "full" | "incr", facts: Readonly<Record<string, unknown>>): KnownBackup {
  const source = { kind: "postgres-physical", name: "db (physical)", outcome: "good", flaws: [], facts };
  const receipt = { id, kind, parent: kind === "full" ? null : ON.backup, sources: [source] } as unknown as Receipt;
  const stem = `stack-20261122T0${kind === "full" ? 2 : 3}0000Z-${kind}`;
  const receiptKey = `${stem}.receipt.json`;
  const authenticated = { trust: "passphrase" } as const;
  return { stem, receipt, receiptKey, receiptSha256: "", receiptBytes: Buffer.alloc(0), authenticated, pinned: false };
}

const full = known("aaaaaaaa", "full", { ...FACTS, manifestSha256: "f0" });
const incr = known("bbbbbbbb", "incr", { ...FACTS, manifestSha256: "11", standsOn: ON });
const holding = (backups: readonly KnownBackup[], broken: Holding["broken"] = []): Holding => {
  return { target: { name: "/archive" } as Holding["target"], backups, broken, orphans: [] };
};

test("an incremental backup stands on the full one of its id, if that has the base backup it was taken against", () => {
  assert.equal(foundationIn(holding([full, incr]), incr), full);
});

for (const [what, backups, why] of [
  ["is not there", [incr], /backup 'bbbbbbbb' stands on full backup 'aaaaaaaa', which is not there on '\/archive'$/],
  [
    "has another base backup",
    [known("aaaaaaaa", "full", { ...FACTS, manifestSha256: "f1" }), incr],
    /has another base/,
  ],
  ["has none of that server", [known("aaaaaaaa", "full", {}), incr], /has another base backup of 'db \(physical\)'/],
  ["is no full one", [known("aaaaaaaa", "incr", { ...FACTS, manifestSha256: "f0" }), incr], /has another base backup/],
  [
    "has an increment itself",
    [known("aaaaaaaa", "full", { ...FACTS, manifestSha256: "f0", standsOn: ON }), incr],
    /has another base/,
  ],
] as const) {
  test(`it does not stand on one that ${what}`, () => {
    assert.throws(() => foundationIn(holding(backups), incr), why);
  });
}

test("one that was made with another key is told as that", () => {
  const problem = new LifeboatError("wrong-key", "no");
  const broken = [{ stem: full.stem, receiptKey: full.receiptKey, pinned: false, problem }];
  assert.throws(
    () => foundationIn(holding([incr], broken), incr),
    (error) => error instanceof LifeboatError && error.kind === "wrong-key" && error.cause === problem,
  );
});

test("parts of an increment are told apart from the whole of it, from what is above it, and from what is beside it", () => {
  const parts = (...only: readonly string[]) => loneParts(incr.receipt, only);
  const folder = ".databases/db/physical";
  assert.deepEqual(parts(`${folder}/data`), [folder]);
  for (const path of [folder, ".databases", ".databases/db", "app", `${folder}-2/data`])
    assert.deepEqual(parts(path), []);
  assert.deepEqual(parts(`${folder}/data`, ".databases"), []);
  assert.deepEqual(loneParts(full.receipt, [`${folder}/data`]), []);
});
