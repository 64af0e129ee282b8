import { LifeboatError } from "../errors.ts";
import type { Container } from "./container.ts";
import { composeIdentity } from "./container.ts";
import type { Survey } from "./discovery.ts";
import { hostPath, overlap } from "./host-paths.ts";
import { readLabels } from "./labels.ts";
import { directDependencies } from "./order.ts";
import type { HoldPlan } from "./plan.ts";
import type { PlannedStop, Watched } from "./quiescer.ts";

/** Marks the short-lived containers that this program starts itself; the value is the run's id. */
export const HELPER_LABEL = "dev.lifeboat.helper";

/**
 * Containers that may write to one of `folders` (as this program sees them) and are not at rest: whatever their labels
 * and their compose project. Throws for one that is paused, because it keeps the files of the old data open.
 */
export function writersOf(folders: readonly string[], { all, own }: Survey): readonly Container[] {
  const affected = folders.map((folder) => hostPath(folder, own));
  const writers = all.filter(
    (one) =>
      one.id !== own?.id &&
      one.labels[HELPER_LABEL] === undefined &&
      one.mounts.some(({ source, writable }) => writable && affected.some((path) => overlap(source, path))),
  );
  const paused = writers.filter((one) => one.state === "paused").map((one) => `'${one.name}'`);
  if (paused.length > 0) {
    throw new LifeboatError("failed", `${paused.join(", ")} is paused and keeps files open that would be replaced`, {
      hint: "Unpause or stop it first. Nothing was touched.",
    });
  }
  return writers.filter((one) => one.state !== "stopped");
}

/**
 * Containers that run and say themselves that they need one of `servers` (containers in scope, by name, service, or name
 * or address in a network): by depends_on, links or a shared namespace.
 */
export function usersOf(servers: readonly string[], { all, scope, own }: Survey): readonly Container[] {
  const meant = scope.filter(
    ({ name, labels, aliases }) =>
      [name, ...aliases].some((one) => servers.includes(one)) ||
      servers.includes(composeIdentity(labels)?.service ?? name),
  );
  return all.filter((one) => {
    if (one.id === own?.id || (one.state !== "running" && one.state !== "restarting")) return false;
    const needs = directDependencies(one, all);
    return meant.some(({ id }) => needs.has(id));
  });
}

/** Why each container of the plan is stopped, for a person. */
export function stopsOf(
  plan: HoldPlan,
  { writers, users }: { readonly writers: readonly Container[]; readonly users: readonly Container[] },
  survey: Survey,
): readonly PlannedStop[] {
  return plan.holds.map(({ container, act }) => {
    const isLabelled = survey.scope.some(({ id }) => id === container.id) && "lifeboat.hold" in container.labels;
    const why = writers.some(({ id }) => id === container.id)
      ? "writes to what is replaced"
      : users.some(({ id }) => id === container.id)
        ? "uses a database that is replaced"
        : isLabelled
          ? "is labelled to be held"
          : "lives in the network of one that is stopped";
    return { container: container.name, act, why };
  });
}

export function watchedOf(plan: HoldPlan): readonly Watched[] {
  return plan.holds.map(({ container }) => {
    const { healthUrl } = readLabels(container.name, container.labels).wishes;
    return {
      id: container.id,
      name: container.name,
      compose: composeIdentity(container.labels) ?? null,
      wasWell: container.state === "running" && container.health !== "unhealthy",
      healthUrl: healthUrl ?? null,
    };
  });
}
