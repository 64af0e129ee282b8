import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ExtractRequest } from "../../src/archive/extract.ts";
import type { Compression, OpeningKeys, SealingKey } from "../../src/archive/format.ts";
import { seal, type Sealed } from "../../src/archive/seal.ts";
import type { MemberList } from "../../src/sources/source.ts";
import { Secret } from "../../src/system/secret.ts";

export const passphrase = new Secret("correct horse battery staple");
export const passphraseKey: SealingKey = { kind: "passphrase", passphrase };
export const passphraseKeys: OpeningKeys = { passphrase };
export const zst: Compression = { kind: "zst", level: 3 };
export const none: Compression = { kind: "none", level: 0 };
export const live = new AbortController().signal;

/** A folder that is removed when the test is over. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "lifeboat-archive-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** All that is below `root`, as the sources list it: parents first, NUL after each. */
export function listAll(root: string, listFile: string): MemberList {
  writeFileSync(listFile, execFileSync("find", [".", "-print0"], { cwd: root, maxBuffer: 1 << 28 }));
  return { root, listFile, inPlace: true };
}

export interface SealedTree {
  readonly sealed: Sealed;
  readonly backup: Omit<ExtractRequest, "into">;
}

/** Seals `root` into `folder`, named as a target would name it. */
export async function sealTree(
  root: string,
  folder: string,
  options: { compression?: Compression; key?: SealingKey; keys?: OpeningKeys; lists?: readonly MemberList[] } = {},
): Promise<SealedTree> {
  const { compression = zst, key = passphraseKey, keys = passphraseKeys } = options;
  const packed = compression.kind === "none" ? "" : `.${compression.kind}`;
  const ending = `${packed}${key.kind === "none" ? "" : ".gpg"}`;
  const archivePath = join(folder, `sealed.tar${ending}`);
  const indexPath = join(folder, `sealed.index${ending}`);
  const lists = options.lists ?? [listAll(root, join(folder, "list"))];
  const sealed = await seal({ id: "0a1b2c3d", lists, compression, key, archivePath, indexPath }, live);
  return { sealed, backup: { archivePath, indexPath, keys } };
}

/** A few files, small enough to be damaged in every place. */
export async function smallTree(root: string): Promise<void> {
  await mkdir(join(root, "folder"), { recursive: true });
  await writeFile(join(root, "first"), "the first file\n");
  await writeFile(join(root, "folder", "second"), "the second file\n".repeat(40));
  execFileSync("ln", ["-s", "../first", join(root, "folder", "link")]);
  execFileSync("ln", [join(root, "first"), join(root, "another-name")]);
}

/** Everything about a tree that a restore must bring back, one line for each file. */
export async function describeTree(root: string): Promise<string[]> {
  const lines: string[] = [];
  const inodes = new Map<bigint, string>();
  const describe = async (path: Buffer, name: Buffer): Promise<void> => {
    const stat = await lstat(path, { bigint: true });
    const kind = stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "symlink" : "file";
    const same = stat.nlink > 1n && !stat.isDirectory() ? (inodes.get(stat.ino) ?? name.toString("hex")) : "";
    inodes.set(stat.ino, same);
    const content =
      kind === "symlink"
        ? (await readlink(path, { encoding: "buffer" })).toString("hex")
        : kind === "file" && stat.size < 1n << 24n
          ? createHash("sha256")
              .update(await readFile(path))
              .digest("hex")
          : "";
    const sizes = kind === "file" ? `${stat.size} sparse=${stat.blocks * 512n < stat.size}` : "";
    const mode = (stat.mode & 0o7777n).toString(8);
    lines.push([name.toString("hex"), kind, sizes, mode, stat.uid, stat.gid, stat.mtimeNs, same, content].join(" "));
    if (kind !== "folder") return;
    for (const entry of (await readdir(path, { encoding: "buffer" })).sort(Buffer.compare)) {
      const slash = Buffer.from("/");
      await describe(Buffer.concat([path, slash, entry]), Buffer.concat([name, slash, entry]));
    }
  };
  await describe(Buffer.from(root), Buffer.from("."));
  return lines;
}
