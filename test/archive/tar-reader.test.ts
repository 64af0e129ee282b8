import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { TarReader, type TarEvent } from "../../src/archive/tar-reader.ts";
import { header, paxHeader, tarOf } from "./hand-made.ts";
import { temporaryFolder } from "./rig.ts";

function read(tar: Buffer, chunkBytes: number): TarEvent[] {
  const reader = new TarReader();
  const events: TarEvent[] = [];
  for (let at = 0; at < tar.length; at += chunkBytes) {
    // Each chunk is a copy of its own, wiped after its push, as the reader must not rely on it any longer.
    const chunk = Buffer.from(tar.subarray(at, at + chunkBytes));
    for (const event of reader.push(chunk)) events.push({ ...event, raw: Buffer.from(event.raw) });
    chunk.fill(0xee);
  }
  reader.end();
  return events;
}

function gnuTar(folder: string, script: string): Buffer {
  execFileSync("sh", ["-c", script], { cwd: folder });
  const options = [
    "--create",
    "--file=-",
    "--format=posix",
    "--sparse",
    "--xattrs",
    "--pax-option=delete=atime,delete=ctime",
    ".",
  ];
  return execFileSync("tar", options, { cwd: folder, maxBuffer: 1 << 28 });
}

/** Paths, types and SHA-256 of contents; equal for equal archives, however they were cut. */
function summary(events: readonly TarEvent[]): string[] {
  const lines: string[] = [];
  let digest = createHash("sha256");
  for (const event of events) {
    if (event.kind === "member") lines.push(`${event.member.type} ${event.member.path.toString("latin1")}`);
    if (event.kind === "content") digest.update(event.raw);
    if (event.kind === "hole") digest.update(Buffer.alloc(event.sizeBytes));
    if (event.kind !== "member-end") continue;
    lines.push(digest.digest("hex"));
    digest = createHash("sha256");
  }
  return lines;
}

test("the events are the same, wherever the stream is cut into chunks", (t) => {
  const script = `
    seq 1000 > a; : > empty; mkdir d; ln a d/hard; ln -s a sym; setfattr -n user.x -v y a
    printf x > "$(printf '%0255d' 7)"
    truncate -s 300K sparse; printf end >> sparse; printf mid | dd of=sparse bs=1 seek=100000 conv=notrunc status=none
  `;
  const tar = gnuTar(temporaryFolder(t), script);
  const whole = read(tar, tar.length);
  const expected = summary(whole);
  assert.equal(expected.length, 2 * 8);
  for (const chunkBytes of [1, 7, 511, 512, 513, 1024, 10_240, 65_536]) {
    const events = read(tar, chunkBytes);
    assert.deepEqual(summary(events), expected, `chunks of ${chunkBytes}`);
    const raw = Buffer.concat(events.map((event) => event.raw));
    assert.ok(raw.equals(tar.subarray(0, raw.length)), `chunks of ${chunkBytes}`);
    assert.ok(tar.subarray(raw.length).every((byte) => byte === 0));
  }
});

test("a sparse file beyond 8 GiB has its full size and its holes", (t) => {
  const folder = temporaryFolder(t);
  const tar = gnuTar(folder, "truncate -s 9G huge; printf end >> huge");
  const events = read(tar, 65_536);
  const huge = events.flatMap((event) => (event.kind === "member" && event.member.sparse ? [event.member] : []));
  assert.equal(huge[0]?.sizeBytes, 9 * 2 ** 30 + 3);
  const holes = events.reduce((sum, event) => sum + (event.kind === "hole" ? event.sizeBytes : 0), 0);
  const content = events.reduce((sum, event) => sum + (event.kind === "content" ? event.raw.length : 0), 0);
  assert.equal(holes + content, 9 * 2 ** 30 + 3);
  assert.ok(content < 10_000);
});

test("a size beyond 8 GiB is read from its pax record", () => {
  const size = 20 * 2 ** 30;
  const tar = Buffer.concat([paxHeader({ size: String(size) }), header({ name: "backup/big" })]);
  const [event] = [...new TarReader().push(tar)];
  assert.equal(event?.kind === "member" && event.member.sizeBytes, size);
});

test("times before 1970 keep their fractions", () => {
  const times = { "-1.5": -1_500_000_000n, "-0.25": -250_000_000n, "4102444800.000000001": 4102444800000000001n };
  for (const [mtime, expected] of Object.entries(times)) {
    const [event] = [...new TarReader().push(Buffer.concat([paxHeader({ mtime }), header({ name: "backup/f" })]))];
    assert.equal(event?.kind === "member" && event.member.mtimeNs, expected);
  }
});

const file = header({ name: "backup/f", size: 5 });
const content = Buffer.concat([Buffer.from("hello"), Buffer.alloc(507)]);
const damaged: Record<string, Buffer> = {
  "a stream that ends inside a header": tarOf(file, content).subarray(0, 300),
  "a stream that ends inside a file": tarOf(file, content).subarray(0, 514),
  "a stream that ends between members": Buffer.concat([file, content]),
  "a stream with only one block of zeros at its end": Buffer.concat([file, content, Buffer.alloc(512)]),
  "an empty stream": Buffer.alloc(0),
  "a header with a wrong checksum": tarOf(header({ name: "backup/f", checksum: "000001" })),
  "a header in another format than POSIX": tarOf(header({ name: "backup/f", magic: "ustar  \0" })),
  "a header with a base-256 size": tarOf(
    header({ name: "backup/f", rawSize: Buffer.from("80000000000000000000000a", "hex") }),
  ),
  "a GNU long name": tarOf(header({ name: "././@LongLink", type: "L", size: 4 }), content),
  "a global pax header": tarOf(header({ name: "pax", type: "g", size: 12 }), content),
  "a pax key that is given twice": tarOf(
    paxHeader([
      ["path", "backup/a"],
      ["path", "backup/b"],
    ]),
    file,
    content,
  ),
  "a pax key that nobody knows": tarOf(paxHeader({ "LIBARCHIVE.symlinktype": "dir" }), file, content),
  "a pax record with a wrong length": tarOf(
    header({ name: "x", type: "x", size: 10 }),
    Buffer.concat([Buffer.from("99 path=a\n"), Buffer.alloc(502)]),
  ),
  "two pax headers for one member": tarOf(paxHeader({ mtime: "1" }), paxHeader({ mtime: "2" }), file, content),
  "a pax header that belongs to nothing": tarOf(paxHeader({ mtime: "1" })),
  "a pax header of a gigabyte": tarOf(header({ name: "x", type: "x", size: 2 ** 30 })),
  "a name with a NUL byte": tarOf(paxHeader({ path: "backup/f\0/../../etc" }), file, content),
  "a file that is named like a folder": tarOf(header({ name: "backup/f/" })),
  "a folder with content": tarOf(header({ name: "backup/d/", type: "5", size: 5 }), content),
  "a sparse file of version 0.1": tarOf(
    paxHeader({
      "GNU.sparse.major": "0",
      "GNU.sparse.minor": "1",
      "GNU.sparse.name": "backup/f",
      "GNU.sparse.realsize": "9",
    }),
    file,
    content,
  ),
  "a sparse map with more extents than fit": tarOf(
    sparseHeader("10"),
    header({ name: "x", size: 512 }),
    mapBlock("99999999\n"),
  ),
  "a sparse map whose extents overlap": tarOf(
    sparseHeader("99"),
    header({ name: "x", size: 520 }),
    mapBlock("2\n0\n4\n2\n4\n"),
    content,
  ),
  "a sparse map beyond the end of its file": tarOf(
    sparseHeader("3"),
    header({ name: "x", size: 517 }),
    mapBlock("1\n0\n5\n"),
    content,
  ),
  "a sparse map of words": tarOf(sparseHeader("3"), header({ name: "x", size: 517 }), mapBlock("one\n"), content),
  "data after the end": tarOf(file, content, Buffer.alloc(1024), file, content),
};

function sparseHeader(realsize: string): Buffer {
  const version = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0" };
  return paxHeader({ ...version, "GNU.sparse.name": "backup/f", "GNU.sparse.realsize": realsize });
}

function mapBlock(numbers: string): Buffer {
  return Buffer.from(numbers.padEnd(512, "\0"));
}

for (const [what, tar] of Object.entries(damaged)) {
  test(`${what} is refused`, () => {
    assert.throws(() => read(tar, 512), { kind: "verification-failed" });
  });
}
