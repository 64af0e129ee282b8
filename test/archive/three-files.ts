import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SealingKey } from "../../src/archive/format.ts";
import { inspectSealingKey } from "../../src/archive/keys.ts";
import { openAuthenticator, sealReceipt } from "../../src/archive/receipt.ts";
import { seal } from "../../src/archive/seal.ts";
import { listAll, live, zst } from "./rig.ts";

/** Seals `root` into the three files of a backup, named and described as on a target. */
export async function writeBackup(root: string, folder: string, stem: string, key: SealingKey): Promise<void> {
  const [archiveKey, indexKey] = [`${stem}.tar.zst.gpg`, `${stem}.index.zst.gpg`];
  const [archivePath, indexPath] = [join(folder, archiveKey), join(folder, indexKey)];
  const lists = [listAll(root, `${root}.list`)];
  const { archive, index, counts, contentBytes, tarBytes } = await seal(
    { id: "0a1b2c3d", lists, compression: zst, key, archivePath, indexPath },
    live,
  );
  const { recipients } = await inspectSealingKey(key);
  const receipt = sealReceipt(
    {
      ...{ format: 1, id: "0a1b2c3d", sequence: 1, name: "stack", kind: "full", parent: null },
      ...{ takenAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:04:06Z" },
      ...{ tool: { name: "lifeboat", version: "0.1.0" }, compression: "zst" },
      encryption: { kind: key.kind, recipients: recipients.map(({ fingerprint }) => fingerprint) },
      archive: {
        ...{ key: archiveKey, sizeBytes: archive.sizeBytes, sha256: archive.sha256 },
        ...{ tarBytes, contentBytes, counts },
      },
      index: {
        ...{ key: indexKey, sizeBytes: index.sizeBytes, sha256: index.sha256 },
        entries: counts.files + counts.folders + counts.symlinks + counts.hardlinks,
      },
      sources: [{ kind: "folder", name: ".", outcome: "good", flaws: [], facts: { files: counts.files } }],
      ...{ outcome: "good", warnings: [], previous: null },
    },
    await openAuthenticator(key, `${root}.state`, undefined),
  );
  await writeFile(join(folder, `${stem}.receipt.json`), receipt);
}
