import type { Holding } from "../catalogue/catalogue.ts";
import {
  acceptedPlaces,
  knownPlaces,
  markOf,
  newestExpected,
  notedPlaces,
  vanishedFrom,
  vanishedText,
  type Vanished,
} from "../catalogue/vanished.ts";
import type { Conduct } from "../conduct/conduct.ts";
import { updateState, type Mark } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";

/**
 * "miss": tells what has vanished from the targets, and notes it. "accept": takes it as gone for good. Gives the newest
 * backup that is expected there after that.
 */
export async function settleVanished(
  holdings: readonly Holding[],
  how: "miss" | "accept",
  run: Conduct,
  tools: Tools,
): Promise<Mark | undefined> {
  const { state, name } = tools.config;
  const before = await knownPlaces(tools);
  if (Object.keys(before).length === 0) return undefined;
  const vanished = vanishedFrom(holdings, before, name);
  if (how === "accept") for (const one of vanished) run.say(acceptedText(one));
  else for (const one of vanished) run.warn(vanishedText(one));
  const places = how === "accept" ? acceptedPlaces(holdings, before) : notedPlaces(holdings, before, name);
  await updateState(state, { places });
  return newestExpected(places, { name, targets: holdings.map(({ target }) => target.name) });
}

/** What was removed from the target on purpose is nobody's to miss; what is the newest there after that is. */
export async function missNoMore(
  { target, backups }: Pick<Holding, "target" | "backups">,
  removed: readonly string[],
  tools: Tools,
): Promise<void> {
  const places = await knownPlaces(tools);
  const { last, missing, ...place } = places[target.name] ?? {};
  const isRemoved = (mark: Mark | undefined) => mark !== undefined && removed.includes(mark.stem);
  if (!isRemoved(last) && !isRemoved(missing)) return;
  const newest = backups.findLast(({ stem }) => !removed.includes(stem));
  const next = isRemoved(last) ? newest && markOf(newest.stem, newest.receipt) : last;
  const left = { ...place, ...(next && { last: next }), ...(missing && !isRemoved(missing) && { missing }) };
  await updateState(tools.config.state, { places: { ...places, [target.name]: left } });
}

function acceptedText({ target, mark: { id, stem } }: Vanished): string {
  return `backup '${id}' (${stem}) is no longer expected on '${target}'`;
}
