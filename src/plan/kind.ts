import { previousRun } from "./schedule.ts";

/** A full backup on one target. */
export interface FullBackup {
  readonly id: string;
  readonly takenAt: Date;
  readonly outcome: "good" | "flawed";
}

/** What one target of the run has; `fulls` is undefined where it could not be read. */
export interface Shelf {
  readonly target: string;
  readonly fulls: readonly FullBackup[] | undefined;
}

export type KindDecision =
  | { readonly kind: "full"; readonly reason: string }
  /** `on`: the id of the full backup that it stands on. */
  | { readonly kind: "incr"; readonly on: string };

/**
 * Decides whether the run at `now` may stand on an earlier full backup: on the newest good one that every target has, so
 * that each of them can restore by itself. Not if that is from before the last firing of the expression for full ones.
 */
export function decideKind(
  { fullCronExpression, timeZone }: { readonly fullCronExpression: string; readonly timeZone: string },
  shelves: readonly Shelf[],
  now: Date,
): KindDecision {
  const whole = (reason: string) => ({ kind: "full", reason }) as const;
  const unread = shelves.find(({ fulls }) => fulls === undefined);
  if (unread) return whole(`target '${unread.target}' cannot be read, so that nobody knows which full backups it has`);
  const lists = shelves.map(({ fulls = [] }) => fulls);
  const known = lists.flat();
  if (known.length === 0) return whole("there is no full backup yet");
  const everywhere = known.filter(({ id }) => lists.every((fulls) => fulls.some((one) => one.id === id)));
  if (everywhere.length === 0) return whole("no full backup is on every target");
  const good = everywhere.filter(({ outcome }) => outcome === "good");
  const [first, ...others] = good;
  if (!first) return whole("no full backup that is on every target is without flaws");
  const newest = others.reduce((best, one) => (one.takenAt > best.takenAt ? one : best), first);
  const due = previousRun(fullCronExpression, timeZone, now);
  if (due > newest.takenAt) return whole(`a full backup is due since ${due.toISOString()}`);
  return { kind: "incr", on: newest.id };
}
