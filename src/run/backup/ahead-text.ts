import { sizeText, timeText } from "../../report/units.ts";
import type { Ahead as Everything } from "./look-ahead.ts";

type Ahead = Omit<Everything, "failures" | "warnings">;

export interface Section {
  readonly title: string;
  /** A line each. */
  readonly items: readonly string[];
}

/** What a backup would do, for a person; sections with nothing in them are left out. */
export function sectionsOf(ahead: Ahead, timeZone: string): readonly Section[] {
  const { targets, encryption, nextRunAt } = ahead;
  const sections = [
    { title: "saved", items: files(ahead) },
    { title: "databases", items: databases(ahead) },
    { title: "at rest meanwhile", items: rest(ahead) },
    { title: "kept", items: [`at ${targets.join(", ")}`, `encrypted ${encryption}`] },
    { title: "when", items: [timeText(nextRunAt, timeZone)] },
    { title: "not saved", items: notSaved(ahead) },
  ];
  return sections.filter(({ items }) => items.length > 0).map(({ title, items }) => ({ title, items: few(items) }));
}

function files({ root, places, totals, isWhole, sqlite }: Ahead): readonly string[] {
  const count = totals.files + sqlite.length;
  const size = sizeText(places.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  return [
    `${isWhole ? "" : "more than "}${filesText(count)}, ${size}, below ${root}`,
    ...places.map((place) => `${place.name}: ${filesText(place.files)}, ${sizeText(place.sizeBytes)}`),
  ];
}

function databases({ sqlite, servers }: Ahead): readonly string[] {
  const list = (names: readonly string[]) => few(names, 5).join(", ");
  return [
    ...sqlite.map(({ path, sizeBytes }) => `SQLite '${path}', ${sizeText(sizeBytes)}, copied while it is in use`),
    ...servers.map(({ server, databases: names, sizeBytes, how }) => {
      const which = names.length > 0 ? ` (${list(names)})` : "";
      return `PostgreSQL '${server}'${which}, ${sizeText(sizeBytes)}, ${how}`;
    }),
  ];
}

function rest({ stack }: Ahead): readonly string[] {
  if (!stack.hasEngine) return [];
  const { holds, atRest, hooked } = stack;
  const acts = { stop: "is stopped", pause: "is paused" } as const;
  const items = [
    ...holds.map(({ container, act }) => `'${container}' ${acts[act]}`),
    ...atRest.map((container) => `'${container}', which is at rest already`),
    ...hooked.map((container) => `hooks are run in '${container}'`),
  ];
  return items.length > 0 ? items : ["no container"];
}

function notSaved({ stack, untold, blind }: Ahead): readonly string[] {
  return [
    ...(blind === null
      ? []
      : [
          `what labels ask for: ${blind} none can be seen, so lifeboat.hold, lifeboat.postgres and hooks have no effect`,
        ]),
    ...stack.unsaved.map(({ what, isVolume, destination, containers }) => {
      const users = containers.map((one) => `'${one}'`).join(", ");
      return `${mountText(what, isVolume)} (${destination} of ${users}): not mounted here`;
    }),
    ...stack.servers.map(({ container, image }) => `'${container}' (${image}) as a database: neither dumped nor held`),
    ...untold.map((store) => `${store} as a database: nothing here tells whether its program runs`),
  ];
}

/** An unnamed volume is called by an id of 64 digits. */
function mountText(what: string, isVolume: boolean): string {
  if (isVolume && /^[0-9a-f]{64}$/.test(what)) return "an unnamed volume";
  return `${isVolume ? "volume" : "folder"} '${what}'`;
}

function filesText(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

/** More lines are no longer read. */
function few(items: readonly string[], most = 20): readonly string[] {
  return items.length <= most ? items : [...items.slice(0, most), `and ${items.length - most} more`];
}
