import { LifeboatError } from "../../errors.ts";
import type { Copy } from "../catalogue/copies.ts";
import type { Pending } from "../in-place/pending.ts";

/**
 * Throws "failed" for a copy that somebody would want back: one that is pinned, that a restore which is not ended may
 * need, that others stand on, or, unless `evenNewest`, the newest good one of its target (where none is good, the newest).
 */
export function requireRemovable({ holding, backup }: Copy, pending: Pending | undefined, evenNewest: boolean): void {
  const on = `'${holding.target.name}'`;
  const refused = (why: string, hint: string) =>
    new LifeboatError("failed", `'${backup.stem}' is not removed: ${why}`, { hint: `${hint} Nothing was removed.` });
  const id = backup.receipt?.id;
  if (backup.pinned) throw refused(`it is pinned on ${on}`, `'lifeboat unpin ${id ?? backup.stem}' ends that.`);
  if (id !== undefined && id === pending?.backupId) throw refused("its restore is not ended", `${pending.sentence}.`);
  const above = [...holding.backups, ...holding.broken].filter(({ receipt }) => id && receipt?.parent === id);
  if (above.length > 0) {
    const ids = above.map(({ receipt }) => `'${receipt?.id}'`).join(", ");
    throw refused(
      `on ${on} ${ids} ${above.length === 1 ? "stands" : "stand"} on it`,
      "Forget what stands on it first.",
    );
  }
  const best = holding.backups.findLast(({ receipt }) => receipt.outcome === "good") ?? holding.backups.at(-1);
  if (evenNewest || best?.stem !== backup.stem) return;
  throw refused(
    `it is the newest ${best.receipt.outcome === "good" ? "good " : ""}backup on ${on}`,
    "Make a new one first, or say --even-newest.",
  );
}
