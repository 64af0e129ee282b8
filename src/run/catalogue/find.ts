import { describeError, LifeboatError } from "../../errors.ts";
import { chooseBackup } from "../../plan/choose.ts";
import { parseKey, receiptKey } from "../../plan/names.ts";
import type { Target } from "../../targets/target.ts";
import { readAllHoldings, type Holding, type KnownBackup } from "./catalogue.ts";
import type { Conduct } from "../conduct/conduct.ts";
import type { Tools } from "../conduct/tools.ts";
import { takenOnTrust } from "./tell.ts";
import { knownPlaces, newestExpected, requireNotAllGone } from "./vanished.ts";

export interface Wanted {
  /** `latest`, an id, the beginning of one, or the first part of the backup's file names. */
  readonly id: string;
  /** Name of the only target to look at. */
  readonly target?: string;
  /** Only backups taken at or before this. */
  readonly takenBy?: Date;
}

export interface Found {
  readonly backup: KnownBackup;
  readonly target: Target;
}

/** What a person gets to know of the choice: a warning must be read, what is said may be. */
export type Tell = Pick<Conduct, "warn" | "say">;

/**
 * Finds a backup on the targets, in the order of the settings (a local folder first).
 * Rejects with "not-found"; with "wrong-key" or "verification-failed" when what was asked for is there but cannot be
 * trusted; and when no target could be read at all.
 */
export async function findBackup(wanted: Wanted, tools: Tools, tell: Tell, signal: AbortSignal): Promise<Found> {
  const { holdings, unreadable } = await readHoldingsOf(wanted.target, tools, signal);
  for (const { target, error } of unreadable) {
    tools.log.warn("target cannot be read", { target: target.name, error: describeError(error) });
  }
  if (holdings.length === 0 && unreadable[0]) throw unreadable[0].error;
  const expected = newestExpected(await knownPlaces(tools), {
    name: tools.config.name,
    targets: [...holdings, ...unreadable].map(({ target }) => target.name),
    ...(wanted.takenBy ? { takenBy: wanted.takenBy } : {}),
  });
  requireNotAllGone(holdings, expected);
  const early = wanted.takenBy === undefined ? holdings : upTo(wanted.takenBy, holdings, tools.config.name);
  requireTrust(wanted.id, early);
  const known = early.flatMap(({ target, backups }) => backups.map((backup) => ({ target, backup })));
  const unique = new Map(known.toReversed().map(({ backup }) => [backup.receipt.id, backup]));
  const chosen = chooseBackup(
    [...unique.values()].map(({ stem, receipt }) => ({ stem, id: receipt.id, sequence: receipt.sequence })),
    wanted.id,
  );
  const found = known.find(({ backup }) => backup.receipt.id === chosen.id);
  if (!found) throw new LifeboatError("not-found", `backup '${wanted.id}' is on no target`);
  for (const sentence of takenOnTrust([found.backup])) tell.say(sentence);
  if (wanted.id === "latest" && expected && expected.sequence > chosen.sequence) {
    tell.warn(
      `the newest backup is not there: '${expected.id}' of ${expected.takenAt} is on no target ${unreadable.length > 0 ? "that could be read" : "any more"}; this is '${chosen.id}' of ${found.backup.receipt.takenAt}`,
    );
  }
  return found;
}

/** The holdings as they were at that time. Throws "not-found" if there was no backup yet. */
function upTo(time: Date, holdings: readonly Holding[], name: string): readonly Holding[] {
  const early = holdings.map((holding) => ({
    ...holding,
    backups: holding.backups.filter(({ receipt }) => new Date(receipt.takenAt) <= time),
    broken: holding.broken.filter(({ stem }) => (parseKey(receiptKey(stem), name)?.takenAt ?? time) <= time),
  }));
  if (early.some(({ backups, broken }) => backups.length + broken.length > 0)) return early;
  const times = holdings.flatMap(({ backups }) => backups.map(({ receipt }) => receipt.takenAt)).sort();
  throw new LifeboatError("not-found", `there is no backup taken at or before ${time.toISOString()}`, {
    hint: times[0] === undefined ? "There is no backup at all." : `The oldest there is was taken at ${times[0]}.`,
  });
}

/** As `readAllHoldings`, of one target only if it is named. Rejects with "not-found" if there is none of that name. */
export async function readHoldingsOf(
  targetName: string | undefined,
  tools: Tools,
  signal: AbortSignal,
): ReturnType<typeof readAllHoldings> {
  if (targetName === undefined) return await readAllHoldings(tools, signal);
  const targets = tools.targets.filter((target) => target.name === targetName);
  if (targets.length === 0) {
    const names = tools.targets.map((target) => `'${target.name}'`).join(", ");
    throw new LifeboatError("not-found", `there is no target '${targetName}'`, { hint: `There are: ${names}.` });
  }
  return await readAllHoldings({ ...tools, targets }, signal);
}

/**
 * A broken backup is never passed over in silence: asking for it by name tells what is wrong with it, and `latest`
 * means the newest there is, so a newer one that cannot be trusted is told as well. Of several, the newest is told.
 */
export function requireTrust(id: string, holdings: readonly Holding[]): void {
  const broken = holdings.flatMap((holding) => holding.broken);
  const backups = holdings.flatMap((holding) => holding.backups);
  const elsewhere = new Set(backups.map(({ stem }) => stem));
  const lost = broken.filter(({ stem }) => !elsewhere.has(stem));
  const newestGood =
    backups
      .map(({ stem }) => stem)
      .sort()
      .at(-1) ?? "";
  const meant = lost.filter(({ stem }) => (id === "latest" ? stem > newestGood : stem.startsWith(id)));
  meant.sort((one, other) => (one.stem < other.stem ? 1 : -1));
  const worst = meant.find(({ problem }) => problem.kind === "wrong-key") ?? meant[0];
  if (worst) throw worst.problem;
}
