/**
 * What clocks on the wall show, as a Date whose UTC fields are the local ones. In between them and real instants
 * stands the zone: in spring some wall times never are, in autumn some come twice.
 */
export interface WallClock {
  wallOf(instant: Date): Date;
  /**
   * The instants at which the wall shows `wall`, earliest first: one; two when clocks are put back; and for a time
   * that is skipped, the one as long after the leap as the time is after its beginning (02:30 comes at 03:30).
   */
  instantsOf(wall: Date): readonly Date[];
  /** True if the clocks are changed within `ms` before or after `instant`. */
  changesNear(instant: Date, ms: number): boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export function wallClock(timeZone: string): WallClock {
  const fields = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "iso8601",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const offsetAt = (ms: number) => {
    const part: Record<string, number> = {};
    for (const { type, value } of fields.formatToParts(ms)) part[type] = Number(value);
    const { year = 0, month = 1, day, hour, minute, second } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
  };
  return {
    wallOf: (instant) => new Date(instant.getTime() + offsetAt(instant.getTime())),
    instantsOf(wall) {
      const ms = wall.getTime();
      // No zone is more than a day from UTC, so these are the offsets before and after any change near this time.
      const before = offsetAt(ms - DAY_MS);
      const after = offsetAt(ms + DAY_MS);
      const exact = [...new Set([before, after])].filter((offset) => offsetAt(ms - offset) === offset);
      const offsets = exact.length > 0 ? exact : [before];
      return offsets.map((offset) => new Date(ms - offset)).sort((a, b) => a.getTime() - b.getTime());
    },
    changesNear: (instant, ms) => offsetAt(instant.getTime() - ms) !== offsetAt(instant.getTime() + ms),
  };
}
