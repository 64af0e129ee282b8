import type { Receipt } from "../../archive/receipt.ts";
import { describeError } from "../../errors.ts";
import type { Holding, KnownBackup } from "../catalogue/catalogue.ts";
import { notesOf } from "../catalogue/copy-notes.ts";
import { readHoldingsOf } from "../catalogue/find.ts";
import { foundationIn } from "../catalogue/foundation.ts";
import { brokenOnes } from "../catalogue/tell.ts";
import { knownPlaces, vanishedFrom, vanishedText } from "../catalogue/vanished.ts";
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
  /** Those of the targets that keep it whatever retention says. */
  readonly pinnedOn: readonly string[];
  /** What is worth knowing of its databases, though they are good. */
  readonly notes: readonly string[];
  /** How long the writers of one of its SQLite databases were locked out, at most; 0 in WAL mode. */
  readonly lockedMs: number;
}

/** Who signed backups that no passphrase proves. */
export interface ListedSigner {
  readonly fingerprint: string;
  /** "first-use": nothing here says whose it is. */
  readonly trust: "known-signer" | "first-use";
}

export interface Listing {
  /** Oldest first. */
  readonly backups: readonly ListedBackup[];
  readonly signers: readonly ListedSigner[];
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
  const listed = new Map<string, ListedBackup & { targets: string[]; pinnedOn: string[]; sequence: number }>();
  for (const { target, backups } of holdings) {
    for (const { stem, receipt, pinned } of backups) {
      const before = listed.get(receipt.id);
      if (before) {
        before.targets.push(target.name);
        if (pinned) before.pinnedOn.push(target.name);
      } else {
        const { id, takenAt, kind, parent, outcome, archive, index, sequence } = receipt;
        const sizeBytes = archive.sizeBytes + index.sizeBytes;
        const { contentBytes } = archive;
        const targets = [target.name];
        const files = archive.counts.files;
        const pinnedOn = pinned ? [target.name] : [];
        const shown = { id, takenAt, kind, parent, sizeBytes, contentBytes, files, outcome, stem, targets, pinnedOn };
        listed.set(id, { ...shown, notes: notesOf(receipt), lockedMs: longestLockMs(receipt), sequence });
      }
    }
  }
  const backups = [...listed.values()]
    .filter(({ takenAt }) => wanted.since === undefined || new Date(takenAt) >= wanted.since)
    .sort((a, b) => a.sequence - b.sequence)
    .slice(-(wanted.latest ?? Infinity))
    .map(({ sequence: _, ...shown }) => shown);
  const torn = holdings.flatMap((holding) => holding.backups.flatMap((backup) => problemOfFoundation(holding, backup)));
  const vanished = vanishedFrom(holdings, await knownPlaces(tools), tools.config.name);
  const warnings = [
    ...vanished.map(vanishedText),
    ...unreadable.map(({ target, error }) => `target '${target.name}' cannot be read: ${describeError(error)}`),
    ...brokenOnes(holdings),
    ...torn,
  ];
  return { backups, signers: signersOf(holdings), warnings };
}

function longestLockMs({ sources }: Receipt): number {
  return Math.max(0, ...sources.map(({ facts: { lockedMs } }) => (typeof lockedMs === "number" ? lockedMs : 0)));
}

function signersOf(holdings: readonly Holding[]): readonly ListedSigner[] {
  const found = new Map<string, ListedSigner>();
  for (const { authenticated } of holdings.flatMap(({ backups }) => backups)) {
    const { signer: fingerprint, trust } = authenticated;
    if (fingerprint !== undefined && trust !== "passphrase") found.set(fingerprint, { fingerprint, trust });
  }
  return [...found.values()];
}

function problemOfFoundation(holding: Holding, backup: KnownBackup): readonly string[] {
  try {
    if (backup.receipt.kind === "incr") foundationIn(holding, backup);
    return [];
  } catch (error) {
    return [describeError(error)];
  }
}
