import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { extract } from "../../src/archive/extract.ts";
import type { OpeningKeys } from "../../src/archive/format.ts";
import { authenticate, parseReceipt } from "../../src/archive/receipt.ts";
import { Secret } from "../../src/system/secret.ts";
import { describeTree, live, temporaryFolder } from "./rig.ts";

const GOLDEN = new URL("golden/", import.meta.url).pathname;
const STEM = "stack-20260102T030405Z-full";

/** Backups that were made once, by `golden/make.ts`, and must open for ever. */
const keysOf: Record<string, () => Promise<OpeningKeys>> = {
  passphrase: async () => ({ passphrase: new Secret("correct horse battery staple") }),
  "public-key": async () => ({ privateKeys: [new Secret(await readFile(join(GOLDEN, "private-key.asc"), "utf8"))] }),
};

for (const version of ["1"]) {
  for (const [kind, readKeys] of Object.entries(keysOf)) {
    test(`a backup of format ${version} to a ${kind} opens for ever`, async (t) => {
      const keys = await readKeys();
      const folder = join(GOLDEN, version, kind);
      // Kept without its ending .json: whatever formats JSON files would take it out of its canonical form.
      const receipt = parseReceipt(await readFile(join(folder, `${STEM}.receipt`)));
      const { trust } = await authenticate(receipt, keys);
      assert.equal(trust, kind === "passphrase" ? "passphrase" : "first-use");
      for (const part of [receipt.archive, receipt.index]) {
        const bytes = await readFile(join(folder, part.key));
        assert.equal(createHash("sha256").update(bytes).digest("hex"), part.sha256);
      }
      const into = join(temporaryFolder(t), "into");
      await mkdir(into);
      const [archivePath, indexPath] = [join(folder, receipt.archive.key), join(folder, receipt.index.key)];
      const { id, archive, index } = receipt;
      const extracted = await extract(
        { id, archivePath, indexPath, keys, into, contentBytes: archive.contentBytes },
        live,
      );
      assert.equal(extracted.members, index.entries);
      assert.equal(extracted.contentBytes, archive.contentBytes);
      const expected = await readFile(join(GOLDEN, version, "tree.txt"), "utf8");
      assert.equal(`${(await describeTree(join(into, "backup"))).join("\n")}\n`, expected);
      assert.deepEqual(await readdir(into), ["backup"]);
    });
  }
}
