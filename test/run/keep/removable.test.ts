import assert from "node:assert/strict";
import { test } from "node:test";
import type { Receipt } from "../../../src/archive/receipt.ts";
import { LifeboatError } from "../../../src/errors.ts";
import type { Holding, KnownBackup } from "../../../src/run/catalogue/catalogue.ts";
import { requireRemovable } from "../../../src/run/keep/removable.ts";

/** As far as removing goes. */
function known(id: string, more: Partial<Receipt> = {}, pinned = false): KnownBackup {
  const receipt = { id, kind: "full", parent: null, outcome: "good", ...more } as Receipt;
  const stem = `stack-${id}`;
  const authenticated = { trust: "passphrase" } as const;
  const receiptKey = `${stem}.receipt.json`;
  return { stem, receipt, receiptKey, receiptSha256: "", receiptBytes: Buffer.alloc(0), authenticated, pinned };
}

const holding = (backups: readonly KnownBackup[], broken: Holding["broken"] = []): Holding => {
  return { target: { name: "/archive" } as Holding["target"], backups, broken, orphans: [] };
};

const full = known("aaaaaaaa");
const incr = known("bbbbbbbb", { kind: "incr", parent: "aaaaaaaa" });
const newest = known("cccccccc");
const flawed = known("dddddddd", { outcome: "flawed" });

test("what others stand on stays, also if those are broken, and what stands on it goes first", () => {
  const all = holding([full, incr, newest]);
  assert.throws(
    () => requireRemovable({ holding: all, backup: full }, undefined, true),
    /'stack-aaaaaaaa' is not removed: on '\/archive' 'bbbbbbbb' stands on it/,
  );
  requireRemovable({ holding: all, backup: incr }, undefined, false);
  requireRemovable({ holding: holding([full, newest]), backup: full }, undefined, false);
  const torn = { ...incr, problem: new LifeboatError("verification-failed", "torn") };
  assert.throws(() => requireRemovable({ holding: holding([full, newest], [torn]), backup: full }, undefined, true));
});

test("the newest good one stays unless that is asked for; where none is good, the newest", () => {
  const refused = (backups: readonly KnownBackup[], backup: KnownBackup) => {
    const copy = { holding: holding(backups), backup };
    requireRemovable(copy, undefined, true);
    try {
      requireRemovable(copy, undefined, false);
      return undefined;
    } catch (error) {
      return error instanceof LifeboatError ? `${error.message}. ${error.hint}` : error;
    }
  };
  const cure = "Make a new one first, or say --even-newest. Nothing was removed.";
  assert.equal(
    refused([full, newest, flawed], newest),
    `'stack-cccccccc' is not removed: it is the newest good backup on '/archive'. ${cure}`,
  );
  assert.equal(refused([full, newest, flawed], flawed), undefined);
  assert.equal(refused([full, newest, flawed], full), undefined);
  assert.match(String(refused([flawed], flawed)), /it is the newest backup on/);
});

test("one that is pinned stays, and so does one whose restore is not ended", () => {
  const pinned = known("eeeeeeee", {}, true);
  const all = holding([pinned, full, newest]);
  assert.throws(
    () => requireRemovable({ holding: all, backup: pinned }, undefined, true),
    /it is pinned on '\/archive'/,
  );
  const pending = { backupId: "aaaaaaaa", sentence: "it is not ended" };
  assert.throws(() => requireRemovable({ holding: all, backup: full }, pending, true), /its restore is not ended/);
});
