/**
 * Makes the golden backups of a format version: node test/archive/golden/make.ts <folder>. As root, with setfattr.
 * Run once for each version, before its release; what it made is committed and never made again.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeTree, passphraseKey } from "../rig.ts";
import { writeBackup } from "../three-files.ts";

const STEM = "stack-20260102T030405Z-full";
const [into = ""] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), "lifeboat-golden-"));
const root = join(work, "root");
await mkdir(root);
execFileSync("sh", ["-euc", await readFile(new URL("make-tree.sh", import.meta.url), "utf8")], { cwd: root });
const publicKey = await readFile(new URL("public-key.asc", import.meta.url), "utf8");
for (const [kind, key] of [
  ["passphrase", passphraseKey],
  ["public-key", { kind: "public-keys", armored: [publicKey] }],
] as const) {
  await mkdir(join(into, kind), { recursive: true });
  await writeBackup(root, join(into, kind), STEM, key);
  const receipt = join(into, kind, `${STEM}.receipt`);
  await rename(`${receipt}.json`, receipt);
}
await writeFile(join(into, "tree.txt"), `${(await describeTree(root)).join("\n")}\n`);
await rm(work, { recursive: true });
