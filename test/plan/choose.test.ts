import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { chooseBackup } from "../../src/plan/choose.ts";

const backups = [
  { id: "3fa9c1d2", stem: "irc-20260101T000000Z-full", sequence: 1 },
  { id: "3fb00000", stem: "irc-20260102T000000Z-full", sequence: 2 },
  { id: "aa000000", stem: "irc-20250102T000000Z-full", sequence: 3 },
];
const choose = (wanted: string) => chooseBackup(backups, wanted).id;

suite("choosing a backup", () => {
  test("latest is the newest by sequence, not by a clock", () => {
    assert.equal(choose("latest"), "aa000000");
  });

  test("an id, the beginning of just one id, a stem and a file name all mean it", () => {
    for (const wanted of ["3fa9c1d2", "3fa", "irc-20260101T000000Z-full", "irc-20260101T000000Z-full.tar.zst.gpg"]) {
      assert.equal(choose(wanted), "3fa9c1d2", wanted);
    }
  });

  test("a beginning of several ids is refused, and they are named", () => {
    assert.throws(() => choose("3f"), {
      kind: "not-found",
      message: "'3f' is the beginning of 2 ids: 3fa9c1d2, 3fb00000",
    });
  });

  test("the same backup on two targets is one backup", () => {
    const twice = [...backups, ...backups];
    assert.equal(chooseBackup(twice, "3fb").id, "3fb00000");
  });

  test("an id that is the beginning of another one is still an id", () => {
    const nested = [
      { id: "ab", stem: "a", sequence: 1 },
      { id: "abc", stem: "b", sequence: 2 },
    ];
    assert.equal(chooseBackup(nested, "ab").id, "ab");
  });

  test("what is not there is told, with where to look", () => {
    for (const wanted of ["ffff", "", "3FA", "a9c1", "irc-2026"]) {
      assert.throws(() => choose(wanted), { kind: "not-found", exitCode: 10, hint: /lifeboat list/ }, wanted);
    }
    assert.throws(() => chooseBackup([], "latest"), { kind: "not-found", message: "there is no backup yet" });
  });
});
