import { createHash } from "node:crypto";
import type { IndexEntry } from "../../src/archive/format.ts";
import { formatEntry } from "../../src/archive/index-file.ts";
import { header, padded, paxHeader, tarOf } from "./hand-made.ts";

const EVIL = "evil";

/** Both sides of a backup, the index always agreeing with the archive unless a case says otherwise. */
export interface Attack {
  readonly archive: readonly Buffer[];
  readonly index: readonly IndexEntry[];
  readonly refused: RegExp;
}

export function entry(
  path: string,
  fields: Partial<Omit<IndexEntry, "linkTarget">> & { linkTarget?: string } = {},
): IndexEntry {
  const { linkTarget, ...rest } = fields;
  const isFile = (fields.type ?? "file") === "file";
  return {
    ...{ path: Buffer.from(path), type: "file", sizeBytes: isFile ? EVIL.length : 0, mode: 0o644, uid: 0, gid: 0 },
    ...{ mtimeNs: 1_000_000_000_000_000_000n, heldBy: "0a1b2c3d" },
    ...(linkTarget === undefined ? {} : { linkTarget: Buffer.from(linkTarget) }),
    ...(isFile ? { sha256: createHash("sha256").update(EVIL).digest("hex") } : {}),
    ...rest,
  };
}

export function file(name: string, mode = 0o644): Buffer {
  return Buffer.concat([header({ name, size: EVIL.length, mode }), padded(Buffer.from(EVIL))]);
}

export const symlink = (name: string, linkName: string) => header({ name, type: "2", linkName });
export const hardlink = (name: string, linkName: string) => header({ name, type: "1", linkName });
export const link = (path: string, type: "symlink" | "hardlink", linkTarget: string) =>
  entry(path, { type, linkTarget });

export const attacks: Record<string, Attack> = {
  "a path that climbs out": {
    archive: [file("backup/../../escaped")],
    index: [entry("backup/../../escaped")],
    refused: /points outside the backup/,
  },
  "a path that climbs out by its pax record": {
    archive: [paxHeader({ path: "backup/a/../../../escaped" }), file("backup/harmless")],
    index: [entry("backup/a/../../../escaped")],
    refused: /points outside the backup/,
  },
  "an absolute path": {
    archive: [file("/tmp/escaped")],
    index: [entry("/tmp/escaped")],
    refused: /points outside the backup/,
  },
  "a path beside the backup": {
    archive: [file("escaped")],
    index: [entry("escaped")],
    refused: /points outside the backup/,
  },
  "a path with an empty segment": {
    archive: [file("backup//f")],
    index: [entry("backup//f")],
    refused: /points outside the backup/,
  },
  "a file below a symlink": {
    archive: [symlink("backup/way-out", "../.."), file("backup/way-out/escaped")],
    index: [link("backup/way-out", "symlink", "../.."), entry("backup/way-out/escaped")],
    refused: /would be written through a symlink/,
  },
  "a file in a folder far below a symlink": {
    archive: [symlink("backup/a", "/"), file("backup/a/b/c/escaped")],
    index: [link("backup/a", "symlink", "/"), entry("backup/a/b/c/escaped")],
    refused: /would be written through a symlink/,
  },
  "a backup that is a symlink itself": {
    archive: [symlink("backup", ".."), file("backup/escaped")],
    index: [link("backup", "symlink", ".."), entry("backup/escaped")],
    refused: /would be written through a symlink/,
  },
  "a file below a hard link to a symlink": {
    archive: [symlink("backup/a", ".."), hardlink("backup/b", "backup/a"), file("backup/b/escaped")],
    index: [link("backup/a", "symlink", ".."), link("backup/b", "hardlink", "backup/a"), entry("backup/b/escaped")],
    refused: /would be written through a symlink/,
  },
  "a file in place of a symlink": {
    archive: [symlink("backup/a", "../escaped"), file("backup/a")],
    index: [link("backup/a", "symlink", "../escaped"), entry("backup/a")],
    refused: /is in it twice/,
  },
  "a hard link to a file outside": {
    archive: [hardlink("backup/a", "../outside")],
    index: [link("backup/a", "hardlink", "../outside")],
    refused: /points outside the backup/,
  },
  "a hard link to an absolute path": {
    archive: [hardlink("backup/a", "/etc/passwd")],
    index: [link("backup/a", "hardlink", "/etc/passwd")],
    refused: /points outside the backup/,
  },
  "a hard link through a symlink": {
    archive: [symlink("backup/a", "/etc"), hardlink("backup/b", "backup/a/passwd")],
    index: [link("backup/a", "symlink", "/etc"), link("backup/b", "hardlink", "backup/a/passwd")],
    refused: /would be written through a symlink/,
  },
  "a hard link to a file that comes later": {
    archive: [hardlink("backup/a", "backup/b"), file("backup/b")],
    index: [link("backup/a", "hardlink", "backup/b"), entry("backup/b")],
    refused: /is a hard link to a file that is not in the backup before it/,
  },
  "a character device": {
    archive: [header({ name: "backup/null", type: "3" })],
    index: [entry("backup/null", { sizeBytes: 0 })],
    refused: /is of a type that no backup holds/,
  },
  "a block device": {
    archive: [header({ name: "backup/sda", type: "4" })],
    index: [entry("backup/sda", { sizeBytes: 0 })],
    refused: /is of a type that no backup holds/,
  },
  "a FIFO": {
    archive: [header({ name: "backup/fifo", type: "6" })],
    index: [entry("backup/fifo", { sizeBytes: 0 })],
    refused: /is of a type that no backup holds/,
  },
  "a setuid bit that the index does not have": {
    archive: [file("backup/sh", 0o4755)],
    index: [entry("backup/sh", { mode: 0o755 })],
    refused: /has mode/,
  },
  "an owner that the index does not have": {
    archive: [header({ name: "backup/f", uid: 1000, size: 4 }), padded(Buffer.from(EVIL))],
    index: [entry("backup/f")],
    refused: /has uid 1000/,
  },
  "a symlink to something else than the index says": {
    archive: [symlink("backup/a", "/etc/shadow")],
    index: [link("backup/a", "symlink", "b")],
    refused: /links to something else/,
  },
  "other content than the index says": {
    archive: [file("backup/f")],
    index: [entry("backup/f", { sha256: "0".repeat(64) })],
    refused: /has SHA-256/,
  },
  "the same path twice": {
    archive: [file("backup/f"), file("backup/f")],
    index: [entry("backup/f"), entry("backup/f")],
    refused: /is in it twice/,
  },
  "a member that the index does not have": {
    archive: [file("backup/f"), file("backup/more")],
    index: [entry("backup/f")],
    refused: /'backup\/more' is not in the index/,
  },
  "a member that is missing": {
    archive: [file("backup/f")],
    index: [entry("backup/f"), entry("backup/lost")],
    refused: /'backup\/lost' is in the index but not in the archive/,
  },
  "another member than the index has there": {
    archive: [file("backup/g")],
    index: [entry("backup/f")],
    refused: /is where the index has 'backup\/f'/,
  },
  "a file that would be a petabyte": {
    archive: [paxHeader({ size: String(2 ** 50) }), file("backup/f")],
    index: [entry("backup/f")],
    refused: /is a file of more than 16 TiB/,
  },
  "a sparse file beyond the total of the receipt": {
    archive: [
      paxHeader({
        ...{ "GNU.sparse.major": "1", "GNU.sparse.minor": "0" },
        ...{ "GNU.sparse.name": "backup/f", "GNU.sparse.realsize": String(2 ** 40) },
      }),
      header({ name: "x", size: 512 }),
      padded(Buffer.from("0\n")),
    ],
    index: [entry("backup/f", { sizeBytes: 2 ** 40 })],
    refused: /beyond the 100 bytes of the receipt/,
  },
};

/** The two files of the attack, unsealed; with a root folder if it does not bring one. */
export function filesOf(attack: Pick<Attack, "archive" | "index">): {
  archive: Buffer;
  index: string;
  entries: number;
} {
  const root = header({ name: "backup/", type: "5", mode: 0o755 });
  const rootEntry = entry("backup", { type: "folder", mode: 0o755 });
  const hasRoot = !attack.index.some(({ path }) => path.equals(Buffer.from("backup")));
  const entries = [...(hasRoot ? [rootEntry] : []), ...attack.index];
  return {
    archive: tarOf(...(hasRoot ? [root] : []), ...attack.archive),
    index: entries.map(formatEntry).join(""),
    entries: entries.length,
  };
}
