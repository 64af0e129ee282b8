import { describeError } from "../../errors.ts";
import type { Holding, KnownBackup } from "./catalogue.ts";

/**
 * A sentence for each thing that has a receipt and is no backup. What no key of ours opens may be sound: it is counted,
 * not called broken.
 */
export function brokenOnes(holdings: readonly Holding[]): readonly string[] {
  return holdings.flatMap(({ target, broken }) => {
    const others = broken.filter(({ problem }) => problem.kind !== "wrong-key");
    return [
      ...lockedOnes({ target, broken }),
      ...others.map(({ stem, problem }) => `'${stem}' on '${target.name}' is no backup: ${describeError(problem)}`),
    ];
  });
}

function lockedOnes({ target, broken }: Pick<Holding, "target" | "broken">): readonly string[] {
  const stems = broken.filter(({ problem }) => problem.kind === "wrong-key").map(({ stem }) => stem);
  const newest = stems.sort().at(-1);
  if (newest === undefined) return [];
  const [count, last] = stems.length === 1 ? ["1 backup", ""] : [`${stems.length} backups`, "the newest "];
  return [`${count} on '${target.name}' that this passphrase does not open: ${last}'${newest}'`];
}

/** As `brokenOnes`, for a run that does not look at old backups for their own sake: the first few, and how many more. */
export function firstBrokenOnes(holdings: readonly Holding[]): readonly string[] {
  const MOST = 3;
  const all = brokenOnes(holdings);
  const more = all.length - MOST;
  const rest = [`${more} more are no backups either: 'lifeboat list' names them`];
  return [...all.slice(0, MOST), ...(more > 0 ? rest : [])];
}

/** A sentence for each signer of `backups` that nothing here vouches for. */
export function takenOnTrust(backups: readonly KnownBackup[]): readonly string[] {
  const signers = backups.flatMap(({ authenticated: { trust, signer } }) =>
    trust === "first-use" && signer !== undefined ? [signer] : [],
  );
  return [...new Set(signers)].map(
    (signer) =>
      `signed by '${signer}', which is taken on trust: compare it with what 'lifeboat list' shows where the backups are made, or set BACKUP_SIGNER`,
  );
}
