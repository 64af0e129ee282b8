import { LifeboatError } from "../errors.ts";
import type { Clock } from "../system/clock.ts";
import { whileEngineGone, type DockerConnection } from "../system/docker.ts";
import { failpoint } from "../system/failpoint.ts";
import type { Log } from "../system/log.ts";
import { checkAccess } from "./access.ts";
import { stackPlanOf } from "./around.ts";
import { bringBackAll, type ComeBack } from "./come-back.ts";
import type { Container } from "./container.ts";
import { surveyContainers, type Survey } from "./discovery.ts";
import { engineOver, type Engine } from "./engine.ts";
import { closeHooks, runBeforeHooks } from "./hooks.ts";
import { openJournal } from "./journal.ts";
import { defaultLimits, limitsAfterRestore, type QuiesceLimits } from "./limits.ts";
import { toldOfOneOffs } from "./one-offs.ts";
import { readWhereabouts } from "./own-container.ts";
import { planHold, type HoldPlan, type PlanSettings } from "./plan.ts";
import type { Hold, PlannedStop, Quiescer, Recovery, ReleaseFailure, Replaced, StackPlan } from "./quiescer.ts";
import { bringToRest } from "./rest.ts";
import type { QuiesceTools } from "./tools.ts";
import { usersOfFolder } from "./users.ts";
import { requireFolderOf } from "./wait-for.ts";
import { restless } from "./watch.ts";
import { watchHealth } from "./watch-health.ts";
import { stopsOf, usersOf, watchedOf, writersOf } from "./writers.ts";

export interface QuiescerOptions {
  /** Undefined when there is no socket: then nothing is held, and what an earlier process held cannot be brought back. */
  readonly docker: DockerConnection | undefined;
  /** Where the journal `hold.json` is kept. */
  readonly stateFolder: string;
  /** Whose labels count: "own-project", "all", or the name of a compose project. */
  readonly project: string;
  /** Folder that a relative `lifeboat.before.wait-for` is below. */
  readonly sourcesFolder: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<QuiesceLimits>;
}

/** A quiescer that goes by the `lifeboat.*` labels of the engine's containers. Asks the engine nothing yet. */
export function createQuiescer(options: QuiescerOptions): Quiescer {
  const limits = { ...defaultLimits, ...options.limits };
  const { docker, stateFolder, clock, log } = options;
  const engine = docker && engineOver(docker);

  const recoverWithin = async (comeBackMs: number): Promise<Recovery> => {
    const journal = await openJournal(stateFolder);
    const names = new Set([...journal.containers, ...journal.hooks].map(({ name }) => name));
    if (names.size === 0) return { broughtBack: [], failures: [] };
    if (!engine) return { broughtBack: [], failures: [...names].map(unreachable) };
    log.warn("bringing back what an earlier run held", { containers: [...names] });
    return await release({ engine, journal, limits: { ...limits, comeBackMs }, clock, log });
  };

  return {
    recover: () => recoverWithin(limits.comeBackMs),
    async hold(signal) {
      // Once only: whoever wants to wait for them has called recover before.
      const leftovers = (await recoverWithin(0)).failures.map((failure) => failure.error.message);
      if (!engine) return emptyHold(leftovers);
      const tools: QuiesceTools = { engine, journal: await openJournal(stateFolder), limits, clock, log };
      const { plan } = await decide(engine, { ...options, limits }, signal);
      for (const note of plan.notes) log.info(note);
      const warnings = [...leftovers, ...plan.warnings];
      try {
        for (const hooks of plan.hooks) warnings.push(...(await runBeforeHooks(hooks, tools, signal)));
        await failpoint("hold:hooks-run", signal);
        const rest = await bringAllToRest(plan, warnings, tools, signal);
        await failpoint("hold:at-rest", signal);
        return holdOf(plan, rest, warnings, tools);
      } catch (error) {
        throw await undo(error, tools);
      }
    },
    async planForBackup(signal) {
      if (!engine) return NO_STACK;
      const { plan, survey } = await decide(engine, { ...options, limits }, signal);
      return stackPlanOf(plan, survey, options.sourcesFolder);
    },
    async usersOf(paths, signal) {
      if (!engine) return undefined;
      const survey = await surveyAll(engine, { ...options, limits }, signal);
      return paths.map((path) => usersOfFolder(path, survey));
    },
    async planForRestore(replaced, signal) {
      if (!engine) return { stops: [], warnings: [], hasEngine: false };
      const { plan, stops } = await decideForRestore(engine, replaced, { ...options, limits }, signal);
      return { stops, warnings: plan.warnings, hasEngine: true };
    },
    async holdForRestore(replaced, signal) {
      if (!engine) return { ...emptyHold([]), watched: [] };
      const { plan } = await decideForRestore(engine, replaced, { ...options, limits }, signal);
      const hasty = { ...limits, ...limitsAfterRestore };
      const tools: QuiesceTools = { engine, journal: await openJournal(stateFolder), limits: hasty, clock, log };
      const warnings = [...plan.warnings];
      const rest = await bringAllToRest(plan, warnings, tools, signal);
      return { ...holdOf(plan, rest, warnings, tools), watched: watchedOf(plan) };
    },
    async watch(containers, signal) {
      if (!engine) return [];
      const problems = await Promise.all(containers.map((one) => watchHealth(one, { engine, limits, clock }, signal)));
      return containers.flatMap(({ name, wasWell }, at) => {
        const problem = problems[at];
        return problem === undefined ? [] : [{ container: name, wasWell, problem }];
      });
    },
  };
}

/** As `decide`, and with everything stopped that works with what is replaced. */
async function decideForRestore(
  engine: Engine,
  { folders, servers }: Replaced,
  options: QuiescerOptions & { readonly limits: QuiesceLimits },
  signal: AbortSignal,
): Promise<{ plan: HoldPlan; stops: readonly PlannedStop[] }> {
  const survey = await surveyAll(engine, options, signal);
  const writers = writersOf(folders, survey);
  const users = usersOf(servers, survey);
  const decided = planHold(survey, settingsOf(engine, options), [...writers, ...users]);
  const plan = { ...decided, hooks: [] };
  await whileEngineGone(() => checkAccess(engine, plan, signal), options.limits.engineMs, options.clock, signal);
  return { plan, stops: stopsOf(plan, { writers, users }, survey) };
}

async function surveyAll(
  engine: Engine,
  { project, limits, clock }: QuiescerOptions & { readonly limits: QuiesceLimits },
  signal: AbortSignal,
): Promise<Survey> {
  const here = await readWhereabouts();
  return await whileEngineGone(() => surveyContainers(engine, project, here, signal), limits.engineMs, clock, signal);
}

function settingsOf(
  engine: Engine,
  { limits, sourcesFolder }: QuiescerOptions & { readonly limits: QuiesceLimits },
): PlanSettings {
  return { limits, sourcesFolder, engineHost: engine.connection.host };
}

/** Everything that can be found out without touching anything. */
async function decide(
  engine: Engine,
  options: QuiescerOptions & { readonly limits: QuiesceLimits },
  signal: AbortSignal,
): Promise<{ plan: HoldPlan; survey: Survey }> {
  const { limits, clock } = options;
  const survey = await surveyAll(engine, options, signal);
  const plan = planHold(survey, settingsOf(engine, options));
  const told = toldOfOneOffs(survey, plan, options.sourcesFolder);
  for (const { container, signal: wanted } of plan.hooks) {
    if (wanted?.waitFor !== undefined) await requireFolderOf(wanted.waitFor, container.name);
  }
  await whileEngineGone(() => checkAccess(engine, plan, signal), limits.engineMs, clock, signal);
  await failpoint("hold:planned", signal);
  const [notes, warnings] = [
    [...plan.notes, ...told.notes],
    [...plan.warnings, ...told.warnings],
  ];
  return { plan: { ...plan, notes, warnings }, survey };
}

async function bringAllToRest(
  plan: HoldPlan,
  warnings: string[],
  tools: QuiesceTools,
  signal: AbortSignal,
): Promise<AtRest> {
  const sinceMs = tools.clock.elapsedMs();
  const rested: Container[] = [];
  for (const hold of plan.holds) {
    const container = await bringToRest(hold, tools, signal);
    rested.push(container);
    if (hold.act === "stop" && container.exitCode === 137) {
      warnings.push(
        `container '${container.name}' was killed, as it did not stop within ${hold.timeoutMs / 1000} s: ` +
          `the copy is crash-consistent`,
      );
    }
  }
  return { rested, sinceMs };
}

/** What is held, and since when. */
interface AtRest {
  readonly rested: readonly Container[];
  readonly sinceMs: number;
}

function holdOf(plan: HoldPlan, { rested, sinceMs }: AtRest, warnings: readonly string[], tools: QuiesceTools): Hold {
  let releasing: Promise<readonly ReleaseFailure[]> | undefined;
  let backAtMs: number | undefined;
  const { clock } = tools;
  return {
    held: rested.map((container) => container.name),
    atRestMs: () => (rested.length === 0 ? 0 : Math.round((backAtMs ?? clock.elapsedMs()) - sinceMs)),
    touched: rested.length > 0 || plan.hooks.length > 0,
    warnings,
    stillAtRest: () => restless([...rested, ...plan.atRest], tools),
    release: () =>
      (releasing ??= release(tools, () => (backAtMs = clock.elapsedMs())).then(({ failures }) => failures)),
  };
}

/** Containers back, which `onBack` is told, then after-hooks, which need them. Never rejects. */
async function release(tools: QuiesceTools, onBack = () => {}): Promise<ComeBack> {
  try {
    await failpoint("release:begun");
    const { broughtBack, failures } = await bringBackAll(tools);
    onBack();
    await failpoint("release:all-back");
    return { broughtBack, failures: [...failures, ...(await closeHooks(tools))] };
  } catch (error) {
    // Only the journal can fail here, or a test's failpoint: what it still names is what is not known to be back.
    const left = tools.journal.containers.map(({ name }) => name);
    const kind = left.length > 0 ? "left-down" : "journal";
    return {
      broughtBack: [],
      failures: (left.length > 0 ? left : [tools.journal.path]).map((container) => ({
        container,
        kind,
        error: error instanceof Error ? error : new Error(String(error)),
      })),
    };
  }
}

/** The error to reject with, once all that was held is back. */
async function undo(cause: unknown, tools: QuiesceTools): Promise<unknown> {
  const { failures } = await release(tools);
  if (failures.length === 0) return cause;
  const names = failures.map((failure) => `'${failure.container}'`).join(", ");
  const kind = failures.some((failure) => failure.kind === "left-down") ? "left-down" : "failed";
  return new LifeboatError(kind, `the hold failed, and so did its undoing for ${names}`, {
    hint: failures.map((failure) => `${failure.error.message}.`).join(" "),
    cause,
  });
}

const NO_STACK: StackPlan = {
  hasEngine: false,
  holds: [],
  atRest: [],
  hooked: [],
  warnings: [],
  unsaved: [],
  servers: [],
};

function emptyHold(warnings: readonly string[]): Hold {
  return {
    held: [],
    touched: false,
    atRestMs: () => 0,
    warnings,
    stillAtRest: async () => [],
    release: async () => [],
  };
}

function unreachable(name: string): ReleaseFailure {
  const error = new LifeboatError("left-down", `container '${name}' cannot be brought back without a Docker socket`, {
    hint: "An earlier run held it. Mount the socket again, or start the container by hand and remove hold.json.",
  });
  return { container: name, kind: "left-down", error };
}
