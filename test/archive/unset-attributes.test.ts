import assert from "node:assert/strict";
import { test } from "node:test";
import { UnsetAttributes } from "../../src/archive/unset-attributes.ts";

function sentencesOf(...lines: readonly string[]): readonly string[] {
  const unset = new UnsetAttributes();
  for (const line of lines) unset.take(line);
  return unset.sentences();
}

const xattr = (name: string, file: string) =>
  `tar: setxattrat: Cannot set '${name}' extended attribute for file '${file}': Operation not supported`;

test("thousands of files whose attributes cannot be set are one sentence", () => {
  const lines = Array.from({ length: 2000 }, (_, at) => xattr("user.note", `backup/f${at}`));
  const acl = "tar: acl_set_file_at: Cannot set POSIX ACLs for file 'backup/b c'd': Operation not permitted";
  assert.deepEqual(sentencesOf(...lines, acl), [
    "attributes could not be set here: user.note (Operation not supported) on 2000 files, such as 'backup/f0'; " +
      "POSIX ACLs (Operation not permitted) on 1 file, such as 'backup/b c'd'",
  ]);
});

test("an archive with any number of attributes still makes one short sentence", () => {
  const [sentence = "", ...others] = sentencesOf(
    ...Array.from({ length: 500 }, (_, at) => xattr(`user.x${at}`, "backup/f")),
  );
  assert.deepEqual(others, []);
  assert.match(sentence, /; others on 492 files, such as 'backup\/f'$/);
  assert.ok(sentence.length < 1000);
});

test("whatever else tar says is told as it is, the first of it", () => {
  const said = sentencesOf(...Array.from({ length: 30 }, (_, at) => `tar: backup/f${at}: odd`));
  assert.equal(said.length, 21);
  assert.deepEqual([said[0], said[20]], ["tar: backup/f0: odd", "tar said 10 more things"]);
  assert.deepEqual(sentencesOf(), []);
});
