import { describeError, LifeboatError } from "../../errors.ts";
import { parseKey, receiptKey } from "../../plan/names.ts";
import type { Target } from "../../targets/target.ts";
import { readState, type Mark, type State } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";
import type { Holding } from "./holding.ts";

type Places = NonNullable<State["places"]>;
type Place = Places[string];

/** A backup that a target had, and has no more. */
export interface Vanished {
  readonly target: string;
  readonly mark: Mark;
}

/** In words, with what ends it. */
export function vanishedText({ target, mark: { id, stem } }: Vanished): string {
  return (
    `backup '${id}' (${stem}) is no longer on '${target}', which had it: its disk is not mounted, it is another place ` +
    `than before, or somebody removed it; if it is gone for good, 'lifeboat verify --accept-missing' says so`
  );
}

/** What each target was last given, as the state folder has it. A state that cannot be read is told, and knows nothing. */
export async function knownPlaces({ config, log }: Pick<Tools, "config" | "log">): Promise<Places> {
  try {
    return (await readState(config.state))?.places ?? {};
  } catch (error) {
    log.warn("nobody knows what should be at the targets", { error: describeError(error) });
    return {};
  }
}

/** What has vanished from these targets. Only the newest that each of them had is missed. */
export function vanishedFrom(holdings: readonly Holding[], places: Places, name: string): readonly Vanished[] {
  return holdings.flatMap((holding) => {
    const { target } = holding;
    const mark = missed(places[target.name], stemsOf(holding), name);
    return mark ? [{ target: target.name, mark }] : [];
  });
}

/** As `vanishedFrom`, of one target, from the names of what it has alone. Rejects if it cannot be listed. */
export async function vanishedNow(target: Target, tools: Tools, signal: AbortSignal): Promise<Mark | undefined> {
  const place = (await knownPlaces(tools))[target.name];
  if (!place?.last && !place?.missing) return undefined;
  const keys = (await target.list(signal)).map(({ key }) => parseKey(key, tools.config.name));
  const stems = keys.flatMap((key) => (key?.part === "receipt" ? [key.stem] : []));
  return missed(place, new Set(stems), tools.config.name);
}

/** The places once that is known: what is missed stays so until it is back, also after newer backups. */
export function notedPlaces(holdings: readonly Holding[], places: Places, name: string): Places {
  const noted = holdings.map((holding): [string, Place] => {
    const { missing: _, ...place } = places[holding.target.name] ?? {};
    const mark = missed(places[holding.target.name], stemsOf(holding), name);
    return [holding.target.name, mark ? { ...place, missing: mark } : place];
  });
  return { ...places, ...Object.fromEntries(noted) };
}

/** The places once what is there now is all that is expected. */
export function acceptedPlaces(holdings: readonly Holding[], places: Places): Places {
  const accepted = holdings.map(({ target, backups }): [string, Place] => {
    const newest = backups.at(-1);
    return [target.name, newest ? { last: markOf(newest.stem, newest.receipt) } : {}];
  });
  return { ...places, ...Object.fromEntries(accepted) };
}

export function markOf(stem: string, { id, takenAt, sequence }: Omit<Mark, "stem">): Mark {
  return { id, stem, takenAt, sequence };
}

/** The newest backup that some of the targets should have, as far as it was taken by then. */
export function newestExpected(
  places: Places,
  { name, targets, takenBy }: { readonly name: string; readonly targets: readonly string[]; readonly takenBy?: Date },
): Mark | undefined {
  const marks = targets.flatMap((target) => [places[target]?.last, places[target]?.missing]);
  const named = marks.filter((mark) => mark !== undefined).filter((mark) => isNamed(mark, name));
  const early = named.filter((mark) => !takenBy || new Date(mark.takenAt) <= takenBy);
  return early.sort((a, b) => a.sequence - b.sequence).at(-1);
}

/** Throws "not-found" if there is nothing at all where `expected` should be. */
export function requireNotAllGone(holdings: readonly Holding[], expected: Mark | undefined): void {
  if (!expected || holdings.some(({ backups, broken }) => backups.length + broken.length > 0)) return;
  const { id, stem, takenAt } = expected;
  throw new LifeboatError("not-found", `there is no backup any more: '${id}' of ${takenAt} (${stem}) was there`, {
    hint: "Is the disk mounted, and are folder, bucket and path those that backups went to? If they are gone for good, 'lifeboat verify --accept-missing' says so.",
  });
}

function missed(place: Place | undefined, stems: ReadonlySet<string>, name: string): Mark | undefined {
  return [place?.last, place?.missing].find((mark) => mark && isNamed(mark, name) && !stems.has(mark.stem));
}

/** What was made under another BACKUP_NAME is nobody's to miss. */
function isNamed({ stem }: Mark, name: string): boolean {
  return parseKey(receiptKey(stem), name) !== undefined;
}

/** Of all that has a receipt: a broken backup has not vanished. */
function stemsOf({ backups, broken }: Holding): ReadonlySet<string> {
  return new Set([...backups, ...broken].map(({ stem }) => stem));
}
