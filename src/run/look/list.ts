import { describeError } from "../../errors.ts";
import type { Holding, KnownBackup } from "../catalogue/catalogue.ts";
import { readHoldingsOf } from "../catalogue/find.ts";
import { foundationIn } from "../catalogue/foundation.ts";
import type { Tools } from "../conduct/tools.ts";

/** One backup, and the targets that hold all of it. */
export interface ListedBackup {
  readonly id: string;
  readonly takenAt: string;
  readonly kind: "full" | "incr";
  /** The id of the full backup that an incremental stands on. */
  readonly parent: string | null;
  readonly sizeBytes: number;
  readonly contentBytes: number;
  readonly files: number;
  readonly outcome: "good" | "flawed";
  readonly stem: string;
  readonly targets: readonly string[];
}

export interface Listing {
  /** Oldest first. */
  readonly backups: readonly ListedBackup[];
  /** Sentences a person must read: broken backups, targets that did not answer. Not empty: exit code 3. */
  readonly warnings: readonly string[];
}

export interface WantedListing {
  /** Name of the only target to look at. */
  readonly target?: string;
  /** Only backups taken at or after this. */
  readonly since?: Date;
  /** Only so many, the newest. */
  readonly latest?: number;
}

/** Rejects only when no target at all could be read. */
export async function list(wanted: WantedListing, tools: Tools, signal: AbortSignal): Promise<Listing> {
  const { holdings, unreadable } = await readHoldingsOf(wanted.target, tools, signal);
  if (holdings.length === 0 && unreadable[0]) throw unreadable[0].error;
  const listed = new Map<string, ListedBackup & { targets: string[]; sequence: number }>();
  for (const { target, backups } of holdings) {
    for (const { stem, receipt } of backups) {
      const before = listed.get(receipt.id);
      if (before) before.targets.push(target.name);
      else {
        const { id, takenAt, kind, parent, outcome, archive, index, sequence } = receipt;
        const sizeBytes = archive.sizeBytes + index.sizeBytes;
        const { contentBytes } = archive;
        const targets = [target.name];
        const files = archive.counts.files;
        listed.set(id, { id, takenAt, kind, parent, sizeBytes, contentBytes, files, outcome, stem, targets, sequence });
      }
    }
  }
  const backups = [...listed.values()]
    .filter(({ takenAt }) => wanted.since === undefined || new Date(takenAt) >= wanted.since)
    .sort((a, b) => a.sequence - b.sequence)
    .slice(-(wanted.latest ?? Infinity))
    .map(({ sequence: _, ...shown }) => shown);
  const torn = holdings.flatMap((holding) => holding.backups.flatMap((backup) => problemOfFoundation(holding, backup)));
  const warnings = [
    ...unreadable.map(({ target, error }) => `target '${target.name}' cannot be read: ${describeError(error)}`),
    ...holdings.flatMap(brokenOf),
    ...torn,
  ];
  return { backups, warnings };
}

/** What no key of ours opens may be sound: it is counted, not called broken. */
function brokenOf({ target, broken }: Holding): readonly string[] {
  const locked = broken.filter(({ problem }) => problem.kind === "wrong-key");
  const others = broken.filter(({ problem }) => problem.kind !== "wrong-key");
  const [newest] = locked
    .map(({ stem }) => stem)
    .sort()
    .reverse();
  return [
    ...(locked.length === 1 ? [`1 backup on '${target.name}' that this passphrase does not open: '${newest}'`] : []),
    ...(locked.length > 1
      ? [`${locked.length} backups on '${target.name}' that this passphrase does not open, the newest '${newest}'`]
      : []),
    ...others.map(({ stem, problem }) => `'${stem}' on '${target.name}' is no backup: ${describeError(problem)}`),
  ];
}

function problemOfFoundation(holding: Holding, backup: KnownBackup): readonly string[] {
  try {
    if (backup.receipt.kind === "incr") foundationIn(holding, backup);
    return [];
  } catch (error) {
    return [describeError(error)];
  }
}
