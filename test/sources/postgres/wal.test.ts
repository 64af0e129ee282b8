import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { readManifest } from "../../../src/sources/postgres/physical/manifest.ts";
import { walFilesOf } from "../../../src/sources/postgres/physical/wal.ts";

const MIB = 1024 * 1024;
const files = (startLsn: string, stopLsn: string, segmentBytes = 16 * MIB, timeline = 1) =>
  walFilesOf({ timeline, startLsn, stopLsn }, segmentBytes);

suite("the files of the log that a base backup needs", () => {
  test("are one where it begins and ends in the same", () => {
    assert.deepEqual(files("0/2000028", "0/2000158"), ["000000010000000000000002"]);
  });

  test("do not have one that begins where the base backup ends", () => {
    assert.deepEqual(files("0/2000028", "0/3000000"), ["000000010000000000000002"]);
    assert.deepEqual(files("0/2000028", "0/3000001").length, 2);
  });

  test("go on from one half of a number to the next", () => {
    assert.deepEqual(files("1/FF000028", "2/100", 16 * MIB, 26), [
      "0000001A00000001000000FF",
      "0000001A0000000200000000",
    ]);
    assert.deepEqual(files("0/FC000028", "1/100", 64 * MIB), ["00000001000000000000003F", "000000010000000100000000"]);
  });
});

suite("a backup_manifest", () => {
  const RANGE = '{ "Timeline": 2, "Start-LSN": "0/3000000", "End-LSN": "0/40001A0" }';
  const OLDER = '{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/3000000" }';
  const CONTROL = `{ "Path": "global/pg_control", "Size": 8192, "Checksum-Algorithm": "SHA256", "Checksum": "${"c".repeat(64)}" }`;
  const whole = `{ "PostgreSQL-Backup-Manifest-Version": 2,\n"Files": [\n${'{ "Path": "x" },\n'.repeat(9000)}${CONTROL}\n],
"WAL-Ranges": [\n${RANGE},\n${OLDER}\n],\n"Manifest-Checksum": "${"a".repeat(64)}"}\n`;

  async function readText(text: string) {
    const folder = await mkdtemp(join(tmpdir(), "lb-manifest-"));
    try {
      await writeFile(join(folder, "backup_manifest"), text);
      return await readManifest(join(folder, "backup_manifest"));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test("is read from its end, timelines from the first to the last", async () => {
    const { sha256, controlSha256, walRanges } = await readText(whole);
    assert.deepEqual([sha256, controlSha256], ["a".repeat(64), "c".repeat(64)]);
    assert.deepEqual(
      walRanges.map(({ timeline, startLsn, stopLsn }) => [timeline, startLsn, stopLsn]),
      [
        [1, "0/2000028", "0/3000000"],
        [2, "0/3000000", "0/40001A0"],
      ],
    );
  });

  for (const [what, text] of [
    ["cut", whole.slice(0, -3)],
    ["empty", ""],
    ["without the log", whole.replace(/"WAL-Ranges"[^\]]*\],\n/, "")],
    ["without pg_control", whole.replace(CONTROL, "")],
  ] as const) {
    test(`that is ${what} is refused`, async () => {
      await assert.rejects(readText(text), /not complete/);
    });
  }
});
