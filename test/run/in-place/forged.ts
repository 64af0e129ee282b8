import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openAuthenticator, sealReceipt } from "../../../src/archive/receipt.ts";
import { archiveKey, backupStem, indexKey, receiptKey } from "../../../src/plan/names.ts";
import type { Sandbox } from "../sandbox.ts";

/** How a sandbox is run that is to take forged backups for its own. */
export const inClear = { BACKUP_ENCRYPTION: "none", GPG_PASSPHRASE_FILE: "", BACKUP_COMPRESSION: "none" };

/** Plain tar and index as they are put on the target. Entries must be held by "0a1b2c3d". */
export interface Forged {
  readonly archive: Buffer;
  readonly index: string;
  readonly entries: number;
  /** What the receipt says of all files together. */
  readonly contentBytes: number;
}

/**
 * Puts a backup on the sandbox's target that is signed by its own key, as by someone who got hold of that: whatever is
 * wrong with it shows only when it is opened.
 */
export async function forgeBackup(sandbox: Sandbox, { archive, index, entries, contentBytes }: Forged): Promise<void> {
  const takenAt = new Date("2026-01-02T03:04:05Z");
  const stem = backupStem("stack", takenAt, "full");
  const keys = { archive: archiveKey(stem, "none", false), index: indexKey(stem, "none", false) };
  const digest = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");
  const authenticator = await openAuthenticator({ kind: "none" }, sandbox.state, undefined);
  const receipt = sealReceipt(
    {
      ...{ format: 1, id: "0a1b2c3d", sequence: 1, name: "stack", kind: "full", parent: null },
      ...{ takenAt: takenAt.toISOString(), finishedAt: takenAt.toISOString() },
      tool: { name: "lifeboat", version: "0.1.0" },
      ...{ compression: "none", encryption: { kind: "none", recipients: [] } },
      archive: {
        ...{ key: keys.archive, sizeBytes: archive.length, sha256: digest(archive), tarBytes: archive.length },
        ...{ contentBytes, counts: { files: entries, folders: 0, symlinks: 0, hardlinks: 0 } },
      },
      index: { key: keys.index, sizeBytes: Buffer.byteLength(index), sha256: digest(index), entries },
      ...{ sources: [], outcome: "good", warnings: [], previous: null },
    },
    authenticator,
  );
  await writeFile(join(sandbox.archive, keys.archive), archive);
  await writeFile(join(sandbox.archive, keys.index), index);
  await writeFile(join(sandbox.archive, receiptKey(stem)), receipt);
}
