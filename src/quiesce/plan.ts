import { isAbsolute, join } from "node:path";
import { LifeboatError } from "../errors.ts";
import { isOneOff, type Container } from "./container.ts";
import type { Survey } from "./discovery.ts";
import { readLabels, type Act, type Wishes } from "./labels.ts";
import type { QuiesceLimits } from "./limits.ts";
import { findContainer, orderOf } from "./order.ts";

/** All that will be done to come to rest, decided before anything is touched. */
export interface HoldPlan {
  /** In the order in which they are brought to rest: dependants first. */
  readonly holds: readonly PlannedHold[];
  /** Labelled to be held and at rest already; they are left as they are. */
  readonly atRest: readonly Container[];
  /** Those with hooks, dependants first. */
  readonly hooks: readonly PlannedHooks[];
  /** Sentences a person must read. */
  readonly warnings: readonly string[];
  /** Sentences for the log. */
  readonly notes: readonly string[];
}

export interface PlannedHold {
  readonly container: Container;
  readonly act: Act;
  readonly timeoutMs: number;
  /** Ids of held containers that must be back before this one. */
  readonly dependsOn: readonly string[];
}

export interface PlannedHooks {
  readonly container: Container;
  readonly before?: Wishes["before"] & { readonly timeoutMs: number };
  readonly signal?: { readonly name: string; readonly waitFor: string | undefined; readonly timeoutMs: number };
  readonly hasAfter: boolean;
}

export interface PlanSettings {
  readonly limits: QuiesceLimits;
  readonly sourcesFolder: string;
  /** As DOCKER_HOST. */
  readonly engineHost: string;
}

/** Decides; `alsoStop` are stopped whatever their labels say. Throws one "settings" error with everything that is wrong with the labels or cannot be done. */
export function planHold(survey: Survey, settings: PlanSettings, alsoStop: readonly Container[] = []): HoldPlan {
  const read = survey.scope.map((container) => ({ container, ...readLabels(container.name, container.labels) }));
  const wishes = new Map(read.map(({ container, wishes: asked }) => [container.id, asked]));
  const warnings = [...survey.warnings];
  const notes: string[] = [];
  const acts = new Map<string, Act>();
  const atRest: Container[] = [];
  for (const {
    container,
    wishes: { hold },
  } of read) {
    if (!hold) continue;
    if (container.state === "stopped" || container.state === "paused") {
      atRest.push(container);
      notes.push(`'${container.name}' is ${container.state} already and is left so`);
    } else {
      acts.set(container.id, actOn(container, hold.act, notes));
    }
  }
  for (const { id } of alsoStop) acts.set(id, "stop");
  takeAlongInhabitants(survey, acts, warnings, notes);
  const problems = [...read.flatMap((one) => one.problems), ...refusals(survey, acts, settings.engineHost)];
  if (problems.length > 0) {
    throw new LifeboatError("settings", problems.join("; "), {
      hint: "Nothing was touched. Correct the labels (docs/how-to/hold-containers.md) and bring the stack up again.",
    });
  }

  const order = orderOf(survey.all);
  const stopOrder = [...order.startOrder].reverse();
  for (const cycle of order.cycles) {
    if (!stopOrder.some((one) => acts.has(one.id) && cycle.includes(one.name))) continue;
    warnings.push(`containers depend on each other in a circle, taken by name: ${[...cycle, cycle[0]].join(" -> ")}`);
  }
  const holds = stopOrder.flatMap((container): PlannedHold[] => {
    const act = acts.get(container.id);
    if (!act) return [];
    const timeoutMs = wishes.get(container.id)?.hold?.timeoutMs ?? container.stopTimeoutMs ?? settings.limits.stopMs;
    const dependsOn = [...(order.dependencies.get(container.id) ?? [])].filter((id) => acts.has(id));
    return [{ container, act, timeoutMs, dependsOn }];
  });
  const hooks = stopOrder.flatMap((container) => hooksOf(container, wishes.get(container.id), settings, warnings));
  return { holds, atRest, hooks, warnings, notes };
}

function actOn(container: Container, asked: Act, notes: string[]): Act {
  // The engine cannot pause what is down at the moment, and would start it in the middle of the copy.
  if (asked === "stop" || container.state !== "restarting") return asked;
  notes.push(`'${container.name}' is restarting and cannot be paused; it is stopped, and started again after`);
  return "stop";
}

/** What lives in the network (or process, or IPC) namespace of a stopped container is cut off for good unless it is restarted too. */
function takeAlongInhabitants(survey: Survey, acts: Map<string, Act>, warnings: string[], notes: string[]): void {
  const stopped = survey.all.filter((one) => acts.get(one.id) === "stop");
  for (let host = stopped.pop(); host; host = stopped.pop()) {
    for (const one of survey.all) {
      const livesHere = one.livesIn.some((reference) => findContainer(reference, survey.all)?.id === host.id);
      if (!livesHere || one.state === "stopped" || acts.get(one.id) === "stop") continue;
      if (one.state === "paused" || isOneOff(one.labels)) {
        const what = one.state === "paused" ? "is paused" : "is a one-off of compose run";
        warnings.push(
          `'${one.name}' ${what} in a namespace of '${host.name}', which is stopped: it is cut off by that`,
        );
        continue;
      }
      notes.push(`'${one.name}' lives in a namespace of '${host.name}', so it is stopped before and started after it`);
      acts.set(one.id, "stop");
      stopped.push(one);
    }
  }
}

function refusals(survey: Survey, acts: ReadonlyMap<string, Act>, engineHost: string): readonly string[] {
  const proxy = /^tcp:\/\/([^:/]+)/.exec(engineHost)?.[1];
  return survey.all.flatMap((one) => {
    const act = acts.get(one.id);
    if (one.id === survey.own?.id && act) {
      return [
        `lifeboat itself lives in a namespace of a container that would be stopped; label that one lifeboat.hold=pause`,
      ];
    }
    if (act && proxy !== undefined && [one.name, ...one.aliases].includes(proxy)) {
      return [
        `container '${one.name}' is the way to the engine (${engineHost}); without it nothing could be brought back`,
      ];
    }
    if (act !== "stop") return [];
    if (isOneOff(one.labels)) {
      return [
        `container '${one.name}' is a one-off of compose run, which would do its work once more when brought back; end it first`,
      ];
    }
    if (one.autoRemove) {
      return [`container '${one.name}' would vanish when stopped (it was started with --rm); use lifeboat.hold=pause`];
    }
    if (one.labels["com.docker.swarm.task.id"] !== undefined) {
      return [`container '${one.name}' belongs to a swarm service, which would replace it; use lifeboat.hold=pause`];
    }
    return [];
  });
}

function hooksOf(
  container: Container,
  asked: Wishes | undefined,
  { limits, sourcesFolder }: PlanSettings,
  warnings: string[],
): readonly PlannedHooks[] {
  if (!asked?.before && !asked?.after && !asked?.beforeSignal) return [];
  if (container.state !== "running") {
    warnings.push(`the hooks of '${container.name}' are not run, because it is ${container.state}`);
    return [];
  }
  const { before, beforeSignal } = asked;
  const path = beforeSignal?.waitFor;
  return [
    {
      container,
      hasAfter: asked.after !== undefined,
      ...(before ? { before: { ...before, timeoutMs: before.timeoutMs ?? limits.execMs } } : {}),
      ...(beforeSignal
        ? {
            signal: {
              name: beforeSignal.name,
              waitFor: path === undefined || isAbsolute(path) ? path : join(sourcesFolder, path),
              timeoutMs: beforeSignal.timeoutMs ?? limits.waitForMs,
            },
          }
        : {}),
    },
  ];
}
