/** A complete backup on one target. */
export interface RetentionCandidate {
  readonly id: string;
  readonly takenAt: Date;
  /** A "flawed" one never counts as the newest good one. */
  readonly outcome: "good" | "flawed";
  /** The id of the backup this one stands on; undefined or null for a full one. */
  readonly parent?: string | null | undefined;
}

/** What is to be kept; rules add up, a backup is kept if any one of them keeps it. None: everything is kept. */
export interface RetentionPolicy {
  /** Keep what is at most this old. */
  readonly days?: number;
}

export interface Judged {
  readonly id: string;
  readonly reasons: readonly string[];
}

export interface RetentionDecision {
  readonly keep: readonly Judged[];
  /** Newest first, so that an incremental goes before what it stands on. */
  readonly remove: readonly Judged[];
  /** Why nothing is removed although a policy is set. */
  readonly refused?: string;
}

/** Clocks of two machines differ by seconds, and a name may be moved on by minutes; more than this is a wrong clock. */
const MAX_FUTURE_MS = 15 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Decides what one target keeps. Every backup is in `keep` or in `remove`, with the reasons. Never removed are: the
 * newest good backup, anything while there is no good one, and what a kept backup stands on. A backup from the future
 * means that some clock is wrong, and then nothing is removed at all.
 */
export function decideRetention(
  backups: readonly RetentionCandidate[],
  policy: RetentionPolicy,
  now: Date,
): RetentionDecision {
  const newestFirst = backups.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime());
  const keepAll = (reason: string) => newestFirst.map(({ id }) => ({ id, reasons: [reason] }));
  const { days } = policy;
  if (days === undefined) return { keep: keepAll("no retention is set"), remove: [] };
  const [newest] = newestFirst;
  if (newest && newest.takenAt.getTime() - now.getTime() > MAX_FUTURE_MS) {
    const at = `${newest.takenAt.toISOString()}, now is ${now.toISOString()}`;
    const refused = `backup '${newest.id}' is from the future (${at}), so a clock is or was wrong, and nothing is removed`;
    return { keep: keepAll("a clock is wrong"), remove: [], refused };
  }
  const newestGood = newestFirst.find(({ outcome }) => outcome === "good");
  if (!newestGood) return { keep: keepAll("there is no good backup yet"), remove: [] };

  const oldestKept = now.getTime() - days * DAY_MS;
  const reasons = new Map<string, string[]>();
  for (const { id, takenAt } of newestFirst) {
    if (id === newestGood.id) reasons.set(id, ["newest good backup"]);
    if (takenAt.getTime() >= oldestKept) reasons.set(id, [...(reasons.get(id) ?? []), `at most ${days} days old`]);
  }
  keepFoundations(newestFirst, reasons);
  const isKept = ({ id }: RetentionCandidate) => reasons.has(id);
  return {
    keep: newestFirst.filter(isKept).map(({ id }) => ({ id, reasons: reasons.get(id) ?? [] })),
    remove: newestFirst
      .filter((backup) => !isKept(backup))
      .map(({ id }) => ({ id, reasons: [`older than ${days} days`] })),
  };
}

/** Keeps what a kept backup stands on, down to the full one. */
function keepFoundations(backups: readonly RetentionCandidate[], reasons: Map<string, string[]>): void {
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const kept = backups.filter(({ id }) => reasons.has(id));
  for (const backup of kept) {
    const seen = new Set([backup.id]);
    for (let below = parentOf(backup, byId); below && !seen.has(below.id); below = parentOf(below, byId)) {
      seen.add(below.id);
      if (!reasons.has(below.id)) reasons.set(below.id, [`'${backup.id}' stands on it`]);
    }
  }
}

function parentOf(
  { parent }: RetentionCandidate,
  byId: ReadonlyMap<string, RetentionCandidate>,
): RetentionCandidate | undefined {
  return parent === undefined || parent === null ? undefined : byId.get(parent);
}
