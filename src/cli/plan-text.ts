import { inZone, sizeText } from "../report/units.ts";
import type { InPlacePlan } from "../run/in-place/plan.ts";

/** What a restore in place is about to do, one line for each thing. */
export function planText(plan: InPlacePlan, timeZone: string): string {
  const { backup, places, stops, by, keepOld, notes } = plan;
  const lines = places.map(({ folder, only, files, contentBytes, freeBytes }) => {
    const what = only ? only.map((path) => `'${path}'`).join(", ") : "everything";
    return `  ${folder}: ${what} is replaced by ${files === 1 ? "1 file" : `${files} files`}, ${sizeText(contentBytes)} (${sizeText(freeBytes)} free)`;
  });
  const stopping = stops.map(({ container, act, why }) => `  container '${container}' is ${acts[act]}: it ${why}`);
  const text = [
    `backup ${backup.id} of ${backup.takenAt}, from ${backup.target}: every byte checked`,
    ...lines,
    ...plan.databases.map(databaseText),
    ...plan.roles.map(
      ({ server, roles }) =>
        `  roles made in PostgreSQL server '${server}', which has none of that name: ${named(roles)}`,
    ),
    ...(stopping.length > 0 ? stopping : ["  no container is stopped"]),
    ...notes.map((note) => `  ${note}`),
    ...(by === "helper" ? ["  a helper container of this image writes, as the mounts here are read-only"] : []),
    `  what is replaced is ${keepOld ? "kept" : "removed once the stack is well"}; until then it is put back on any failure`,
  ];
  return inZone(text.join("\n"), timeZone);
}

function databaseText(one: InPlacePlan["databases"][number]): string {
  const database = `database '${one.name}' of PostgreSQL server '${one.server}'`;
  const dump = `a dump of ${sizeText(one.dumpBytes)}, which takes about ${sizeText(one.thenBytes)} there`;
  if (one.nowBytes === null) return `  ${database}: there is none now; it is made from ${dump}`;
  const meanwhile = one.oldName === null ? "" : `; the old one is called '${one.oldName}' meanwhile`;
  return `  ${database}: ${sizeText(one.nowBytes)} now, is replaced by ${dump}${meanwhile}`;
}

function named(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(", ");
}

const acts = { stop: "stopped", pause: "paused" } as const;
