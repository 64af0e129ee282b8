/** A complete backup on one target. */
export interface RetentionCandidate {
  readonly id: string;
  readonly takenAt: Date;
  /** A "flawed" one never counts as the newest good one. */
  readonly outcome: "good" | "flawed";
  /** The id of the backup this one stands on; undefined or null for a full one. */
  readonly parent?: string | null | undefined;
  /** Kept, whatever the policy says. */
  readonly pinned?: boolean;
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
  /** Why nothing, or not all that is due, is removed. */
  readonly refused?: string;
}

/** Clocks of two machines differ by seconds, and a name may be moved on by minutes; more than this is a wrong clock. */
const MAX_FUTURE_MS = 15 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** From Friday's run to Monday's: someone has read the warning by then. */
const LEAP_PROVEN_MS = 3 * DAY_MS;

/**
 * Decides what one target keeps. Every backup is in `keep` or in `remove`, with the reasons. Never removed are: the
 * newest good backup, what is pinned, anything while there is no good one, and what a kept backup stands on. A backup
 * from the future means that some clock is wrong, and then nothing is removed at all.
 *
 * A clock that leaps ahead makes everything old at once, and so does a sidecar that was off for long: the dates are the
 * same. So where there was no backup for longer than `days`, what was kept before is kept until the new ones span three
 * days. By then a wrong clock has been told every day.
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
  const leap = unprovenLeap(newestFirst, days);
  const reasons = new Map<string, string[]>();
  for (const { id, takenAt, pinned } of newestFirst) {
    const why = [
      ...(id === newestGood.id ? ["newest good backup"] : []),
      ...(pinned ? ["pinned"] : []),
      ...(takenAt.getTime() >= oldestKept ? [`at most ${days} days old`] : []),
    ];
    if (why.length > 0) reasons.set(id, why);
  }
  keepFoundations(newestFirst, reasons);
  const spared = leap ? newestFirst.filter((one) => !reasons.has(one.id) && wasKeptBefore(leap, one, days)) : [];
  for (const { id } of spared) {
    reasons.set(id, [`at most ${days} days old before the leap from ${leap?.from.toISOString()}`]);
  }
  keepFoundations(newestFirst, reasons);
  const isKept = ({ id }: RetentionCandidate) => reasons.has(id);
  return {
    keep: newestFirst.filter(isKept).map(({ id }) => ({ id, reasons: reasons.get(id) ?? [] })),
    remove: newestFirst
      .filter((backup) => !isKept(backup))
      .map(({ id }) => ({ id, reasons: [`older than ${days} days`] })),
    ...(leap && spared.length > 0 ? { refused: toldLeap(leap) } : {}),
  };
}

interface Leap {
  readonly from: Date;
  readonly to: Date;
}

/**
 * The newest pause of more than `days` between two backups, if it is three times as long as any other before it, and the
 * backups after it do not span three days yet. Pauses that are always longer than `days` are the schedule's.
 */
function unprovenLeap(newestFirst: readonly RetentionCandidate[], days: number): Leap | undefined {
  const times = newestFirst.map(({ takenAt }) => takenAt.getTime());
  const pauses = times.slice(1).map((time, at) => times[at]! - time);
  const at = pauses.findIndex((pauseMs) => pauseMs > days * DAY_MS);
  const [pauseMs, newest] = [pauses[at], times[0]];
  if (pauseMs === undefined || newest === undefined || newest - times[at]! >= LEAP_PROVEN_MS) return undefined;
  const usual = Math.max(0, ...pauses.slice(at + 1).filter((each) => each <= days * DAY_MS));
  if (usual === 0 || pauseMs <= 3 * usual) return undefined;
  return { from: newestFirst[at + 1]!.takenAt, to: newestFirst[at]!.takenAt };
}

function wasKeptBefore({ from }: Leap, { takenAt }: RetentionCandidate, days: number): boolean {
  return takenAt <= from && from.getTime() - takenAt.getTime() <= days * DAY_MS;
}

function toldLeap({ from, to }: Leap): string {
  const days = Math.round((to.getTime() - from.getTime()) / DAY_MS);
  return `there is no backup between ${from.toISOString()} and ${to.toISOString()} (${days} days): if the clock is wrong, set it; backups from before are removed once the new ones span three days`;
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
