import assert from "node:assert/strict";
import { test } from "node:test";
import { TarComplaints, type ReadProblemKind } from "../../src/archive/tar-complaints.ts";

const problems: readonly (readonly [line: string, path: string, problem: ReadProblemKind])[] = [
  ["tar: ./a: file changed as we read it", "./a", "changed"],
  ["tar: ./a: File removed before we read it", "./a", "vanished"],
  ["tar: ./a\\: b: Cannot stat: No such file or directory", "./a: b", "vanished"],
  ["tar: ./a\\nb: Cannot open: Permission denied", "./a\nb", "unreadable"],
  ["tar: ./\\\\ \\377: Cannot open: Permission denied", "./\\ \xff", "unreadable"],
  ["tar: ./a: File shrank by 1 byte; padding with zeros", "./a", "shrank"],
  ["tar: ./a: File shrank by 1024 bytes; padding with zeros", "./a", "shrank"],
  ["tar: ./a: Warning: Cannot llistxattrat: Operation not permitted", "./a", "attributes"],
  ["tar: ./a: Warning: Cannot acl_get_file_at: Permission denied", "./a", "attributes"],
];

for (const [line, path, problem] of problems) {
  test(`'${line}' is a read problem`, () => {
    const complaints = new TarComplaints();
    complaints.add(line);
    assert.deepEqual(complaints.first, [{ path: Buffer.from(path, "latin1"), problem }]);
    assert.equal(complaints.other, undefined);
  });
}

test("everything else that tar says is no read problem, and the first of it is kept", () => {
  const complaints = new TarComplaints();
  complaints.add("tar: Exiting with failure status due to previous errors");
  assert.equal(complaints.other, undefined);
  complaints.add("tar: ./a: Read error at byte 0, while reading 512 bytes: Input/output error");
  complaints.add("tar: Error is not recoverable: exiting now");
  assert.match(complaints.other ?? "", /Input\/output error/);
  assert.equal(complaints.count, 0);
});
