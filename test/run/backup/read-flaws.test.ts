import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadProblemList, TarComplaints } from "../../../src/archive/tar-complaints.ts";
import { flawsOfReading } from "../../../src/run/backup/read-flaws.ts";

function complaints(lines: readonly string[]): TarComplaints {
  const all = new TarComplaints();
  for (const line of lines) all.add(`tar: ${line}`);
  return all;
}

const changed = (count: number) => Array.from({ length: count }, (_, at) => `./busy-${at}: file changed as we read it`);
const unreadable = (count: number) =>
  Array.from({ length: count }, (_, at) => `./secret-${at}: Cannot open: Permission denied`);

test("a file that could not be read is a flaw and is named, however many files of a live folder moved before it", () => {
  const { counts, first } = complaints([...changed(5000), ...unreadable(1)]);
  assert.deepEqual(flawsOfReading({ counts, first, count: 5001 }, false), [
    '1 file could not be read while the archive was made: "./secret-0"',
  ]);
});

test("a live folder that moves has no flaws", () => {
  assert.deepEqual(flawsOfReading(complaints(changed(300)), false), []);
});

test("of what was at rest each kind of problem is a flaw, the worst first", () => {
  const flaws = flawsOfReading(complaints([...changed(200), "./gone: File removed before we read it"]), true);
  assert.equal(flaws.length, 2);
  assert.equal(flaws[0], '1 file vanished while the archive was made: "./gone"');
  assert.match(flaws[1] ?? "", /^200 files changed while the archive was made: "\.\/busy-0", .* and 190 more$/);
});

test("of very many unreadable files the first are named and all are counted, over several runs of tar", () => {
  const all = new ReadProblemList();
  for (const count of [3, 150, 4000]) all.addAll(complaints([...changed(500), ...unreadable(count)]));
  assert.equal(all.counts.unreadable, 4153);
  assert.equal(all.counts.changed, 1500);
  assert.equal(all.first.length, 200);
  assert.match(flawsOfReading(all, false)[0] ?? "", /^4153 files could not be read .* and 4143 more$/);
});
