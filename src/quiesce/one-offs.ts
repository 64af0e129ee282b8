import type { Container } from "./container.ts";
import type { Survey } from "./discovery.ts";
import { hasLifeboatLabels } from "./labels.ts";
import type { HoldPlan } from "./plan.ts";
import { isAtOrBelow, overlap } from "./host-paths.ts";

/**
 * What is to be told of the containers of `compose run` while `plan` is carried out. They have their service's labels,
 * which nobody meant for them: they are left alone. A warning is one that may write to what is saved of the containers
 * brought to rest, since the copy may be torn then. `sourcesFolder` is as this program sees it.
 */
export function toldOfOneOffs(
  { oneOffs, own }: Survey,
  { holds, atRest }: HoldPlan,
  sourcesFolder: string,
): { readonly warnings: readonly string[]; readonly notes: readonly string[] } {
  const saved = own
    ? own.mounts
        .filter(({ destination }) => isAtOrBelow(destination, sourcesFolder) || isAtOrBelow(sourcesFolder, destination))
        .map(({ source }) => source)
    : [sourcesFolder];
  const rested = [...holds.map(({ container }) => container), ...atRest];
  const restedPlaces = rested.flatMap(({ mounts }) => mounts.map(({ source }) => source));
  const torn = restedPlaces.filter((place) => saved.some((path) => overlap(place, path)));
  const writes = ({ state, mounts }: Container) =>
    (state === "running" || state === "restarting") &&
    mounts.some(({ source, writable }) => writable && torn.some((path) => overlap(source, path)));
  const writers = oneOffs.filter(writes);
  return {
    warnings: writers.map(
      ({ name }) =>
        `'${name}', a one-off of compose run, writes to what is saved and is not held: the copy may be torn; ` +
        `let it end, and back up again`,
    ),
    notes: oneOffs
      .filter((one) => !writers.includes(one) && hasLifeboatLabels(one.labels))
      .map(({ name }) => `'${name}' is a one-off of compose run and is left alone, whatever its labels`),
  };
}
