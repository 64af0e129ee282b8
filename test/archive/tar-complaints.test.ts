import assert from "node:assert/strict";
import { test } from "node:test";
import { TarComplaints, type ReadProblemKind } from "../../src/archive/tar-complaints.ts";

const problems: readonly (readonly [line: string, path: string, problem: ReadProblemKind])[] = [
  ["tar: ./a: file changed as we read it", "./a", "changed"],
  ["tar: ./a: File removed before we read it", "./a", "vanished"],
  ["tar: ./a\\: b: Cannot stat: No such file or directory", "./a: b", "vanished"],
  ["tar: ./a\\nb: Cannot open: Permission denied", "./a\nb", "unreadable"],
  ["tar: ./\\\\ \\377: Cannot open: Permission denied", "./\\ \xff", "unreadable"],
  ["tar: ./a/b: Cannot stat: Not a directory", "./a/b", "vanished"],
  ["tar: ./a/b: Cannot open: Too many levels of symbolic links", "./a/b", "vanished"],
  ["tar: ./a: Cannot open: No such device or address", "./a", "vanished"],
  ["tar: ./a: Cannot readlink: Invalid argument", "./a", "vanished"],
  ["tar: ./a.sock: socket ignored", "./a.sock", "vanished"],
  ["tar: ./a: Cannot open: Invalid argument", "./a", "unreadable"],
  ["tar: ./a: Cannot open: Operation not permitted", "./a", "unreadable"],
  ["tar: ./a: Cannot stat: Structure needs cleaning", "./a", "unreadable"],
  ["tar: ./a: Cannot stat: Stale file handle", "./a", "unreadable"],
  ["tar: ./a: Cannot open: Transport endpoint is not connected", "./a", "unreadable"],
  ["tar: ./a: Read error at byte 4096, while reading 512 bytes: Input/output error", "./a", "partial"],
  ["tar: ./a: Warning: Read error at byte 0, while reading 9216 bytes: Stale file handle", "./a", "partial"],
  ["tar: ./a\\: b: Cannot seek to 8192: Input/output error", "./a: b", "partial"],
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
  complaints.add("tar: -: Cannot write: No space left on device");
  complaints.add("tar: Error is not recoverable: exiting now");
  assert.match(complaints.other ?? "", /Cannot write/);
  assert.equal(complaints.count, 0);
});

test("the damage of a file is known until it is asked for, under whatever name", () => {
  const complaints = new TarComplaints();
  complaints.add("tar: ./a\\nb\\377: Read error at byte 0, while reading 512 bytes: Input/output error");
  complaints.add("tar: ./a: File shrank by 1 byte; padding with zeros");
  complaints.add("tar: ./c: file changed as we read it");
  assert.equal(complaints.takeDamage(Buffer.from("./a\nb\xff", "latin1")), "partial");
  assert.equal(complaints.takeDamage(Buffer.from("./a\nb\xff", "latin1")), undefined);
  assert.equal(complaints.takeDamage(Buffer.from("./a")), "shrank");
  assert.equal(complaints.takeDamage(Buffer.from("./c")), undefined);
});
