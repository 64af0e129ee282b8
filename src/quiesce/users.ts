import type { Container } from "./container.ts";
import type { Survey } from "./discovery.ts";
import { hostPath, isAtOrBelow } from "./host-paths.ts";
import { readLabels } from "./labels.ts";
import type { FolderUser } from "./quiescer.ts";
import { HELPER_LABEL } from "./writers.ts";

/**
 * The containers, at rest or not, that may write to what lies at `path` (as this program sees it). Of several mounts
 * around it the nearest counts: who has the folder of all volumes keeps no data in one of them.
 */
export function usersOfFolder(path: string, survey: Survey): readonly FolderUser[] {
  const there = hostPath(path, survey.own);
  const found = survey.all
    .filter((one) => one.id !== survey.own?.id && one.labels[HELPER_LABEL] === undefined)
    .map((container) => ({ container, depth: depthOf(container, there) }));
  const nearest = Math.max(0, ...found.map(({ depth }) => depth));
  return found.filter(({ depth }) => depth > 0 && depth === nearest).map(({ container }) => userOf(container, survey));
}

/** How near its nearest writable mount at or around the path is; 0 without one. */
function depthOf({ mounts }: Container, path: string): number {
  const around = mounts.filter(({ source, writable }) => writable && source !== "" && isAtOrBelow(path, source));
  return Math.max(0, ...around.map(({ source }) => source.length));
}

function userOf(container: Container, { scope }: Survey): FolderUser {
  const isLookedAt = scope.some(({ id }) => id === container.id);
  const { postgres, before, after } = isLookedAt ? readLabels(container.name, container.labels).wishes : {};
  return {
    container: container.name,
    isAtRest: container.state === "stopped" || container.state === "paused",
    isHooked: before !== undefined && after !== undefined,
    isDumped: postgres !== undefined,
    isLookedAt,
  };
}
