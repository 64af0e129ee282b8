import { LifeboatError } from "../errors.ts";
import { wallClock } from "./wall-clock.ts";

/**
 * The instant that a person means: "2026-02-14 02:00" (with or without seconds) as the wall clocks of `timeZone` show
 * it, as times are shown with the zone's name behind ("2026-02-14 02:00:00 CET"), or ISO 8601 with an offset. Of two
 * instants with one name the later. Throws a "usage" error for anything else.
 */
export function parseMoment(text: string, timeZone: string): Date {
  const local = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?(?: (\S+))?$/.exec(text.trim());
  const iso = local ? `${local[1]}T${local[2]}${local[3] ?? ":00"}Z` : text.trim();
  const date = new Date(iso);
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(iso);
  const isReal = !local || date.toJSON()?.slice(0, 19) === iso.slice(0, 19);
  const instants = local && isReal ? wallClock(timeZone).instantsOf(date) : [date];
  const named = instants.filter((at) => local?.[4] === undefined || nameAt(at, timeZone) === local[4]);
  const meant = named.at(-1);
  if (!isWhole || Number.isNaN(date.getTime()) || !isReal || meant === undefined) {
    throw new LifeboatError("usage", `'${text}' is not a time`, {
      hint: `Give it as "2026-02-14 02:00" (in ${timeZone}), or as '2026-02-14T01:00:00Z'.`,
    });
  }
  return meant;
}

/** As `list` shows it. */
function nameAt(at: Date, timeZone: string): string | undefined {
  if (Number.isNaN(at.getTime())) return undefined;
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone, timeZoneName: "short" }).formatToParts(at);
  return parts.find(({ type }) => type === "timeZoneName")?.value;
}
