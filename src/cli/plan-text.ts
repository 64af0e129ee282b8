import { sizeText } from "../report/units.ts";
import type { InPlacePlan } from "../run/in-place/plan.ts";

/** What a restore in place is about to do, one line for each thing. */
export function planText({ backup, places, stops, by, keepOld, notes }: InPlacePlan): string {
  const lines = places.map(({ folder, only, files, contentBytes, freeBytes }) => {
    const what = only ? only.map((path) => `'${path}'`).join(", ") : "everything";
    return `  ${folder}: ${what} is replaced by ${files} files, ${sizeText(contentBytes)} (${sizeText(freeBytes)} free)`;
  });
  const stopping = stops.map(({ container, act, why }) => `  container '${container}' is ${acts[act]}: it ${why}`);
  return [
    `backup ${backup.id} of ${backup.takenAt}, from ${backup.target}: every byte checked`,
    ...lines,
    ...(stopping.length > 0 ? stopping : ["  no container is stopped"]),
    ...notes.map((note) => `  ${note}`),
    ...(by === "helper" ? ["  a helper container of this image writes, as the mounts here are read-only"] : []),
    `  what is replaced is ${keepOld ? "kept" : "removed once the stack is well"}; until then it is put back on any failure`,
  ].join("\n");
}

const acts = { stop: "stopped", pause: "paused" } as const;
