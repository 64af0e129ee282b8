import { hintOf, LifeboatError } from "../errors.ts";
import { failpoint } from "../system/failpoint.ts";
import type { Container } from "./container.ts";
import { findAgain } from "./find-again.ts";
import type { HeldContainer } from "./journal.ts";
import type { QuiesceLimits } from "./limits.ts";
import type { ReleaseFailure } from "./quiescer.ts";
import { STOP_SLACK_MS } from "./rest.ts";
import type { QuiesceTools } from "./tools.ts";

export interface ComeBack {
  /** Names, in the order in which they were found to be back. */
  readonly broughtBack: readonly string[];
  readonly failures: readonly ReleaseFailure[];
}

/**
 * Brings every container of the journal back to the state it was found in, dependencies first. One that fails does not
 * keep the others waiting: all get their turn, then those that failed are tried again, until the deadline for all is
 * over. What is back leaves the journal; what is not stays there, so that the next start tries again.
 */
export async function bringBackAll(tools: QuiesceTools): Promise<ComeBack> {
  const { journal, limits, clock, log } = tools;
  const deadline = clock.elapsedMs() + limits.comeBackMs;
  const broughtBack: string[] = [];
  for (let pauseMs = 500, rounds = 1; ; pauseMs = Math.min(pauseMs * 2, 15_000), rounds++) {
    const round = await tryOnce([...journal.containers].reverse(), deadline, tools);
    const failed = [...round.failed];
    for (const entry of round.back) {
      const error = await settled(journal.dropContainer(entry.id));
      if (error) failed.push({ entry, error });
      if (!broughtBack.includes(entry.name)) broughtBack.push(entry.name);
      await failpoint("release:container-dropped");
    }
    if (failed.length === 0) return { broughtBack, failures: [] };
    if (rounds >= limits.comeBackRounds || clock.elapsedMs() + pauseMs > deadline) {
      const failures = failed.map(({ entry, error }) => giveUp(entry, error, broughtBack.includes(entry.name), tools));
      return { broughtBack, failures: await Promise.all(failures) };
    }
    for (const { entry, error } of failed) {
      log.warn("container is not back yet", { container: entry.name, error, nextTryInMs: pauseMs });
    }
    await clock.sleep(pauseMs);
  }
}

/** Healthchecks run every few seconds at best; each look is three calls. */
const POLL_MS = 300;

interface Round {
  readonly back: readonly HeldContainer[];
  readonly failed: readonly { readonly entry: HeldContainer; readonly error: Error }[];
}

async function tryOnce(entries: readonly HeldContainer[], deadline: number, tools: QuiesceTools): Promise<Round> {
  const { clock, limits } = tools;
  const settling = new Map<string, Promise<Error | undefined>>();
  const settledAt = new Map<string, number>();
  for (const entry of entries) {
    for (const id of entry.dependsOn) await settling.get(id);
    const started = await settled(start(entry, tools));
    if (entry.act === "stop") settledAt.set(entry.id, clock.elapsedMs() + limits.settleMs);
    await failpoint("release:container-started");
    if (started instanceof Error) settling.set(entry.id, Promise.resolve(started));
    else {
      const patience = Math.min(deadline, clock.elapsedMs() + limits.healthMs);
      settling.set(entry.id, settled(untilWell(entry, patience, tools)));
    }
  }
  const outcomes = entries.map(async (entry) => {
    // Asked once more at the end, for one that came up and fell over.
    const error =
      (await settling.get(entry.id)) ?? (await settled(stillWell(entry, settledAt.get(entry.id) ?? 0, tools)));
    return { entry, error: error instanceof Error ? error : undefined };
  });
  const ended = await Promise.all(outcomes);
  return {
    back: ended.filter(({ error }) => !error).map(({ entry }) => entry),
    failed: ended.flatMap(({ entry, error }) => (error ? [{ entry, error }] : [])),
  };
}

/** Starts or unpauses what has to be. One that runs already (engine or host restarted, recreated) is left to run. */
async function start(entry: HeldContainer, tools: QuiesceTools): Promise<void> {
  const { engine, log } = tools;
  await letStopFinish(entry, tools);
  const container = await present(entry, tools);
  if (container.state === "paused") await engine.unpause(container);
  else if (container.state === "stopped") await engine.start(container);
  else {
    log.info("container runs already", { container: entry.name });
    return;
  }
  log.info(container.state === "paused" ? "container unpaused" : "container started", { container: entry.name });
}

/**
 * A stop that was asked for goes on in the engine when we are killed or aborted. A container that still runs as it did
 * before may be about to stop, so it gets the time its stop can take.
 */
async function letStopFinish(entry: HeldContainer, { engine, clock }: QuiesceTools): Promise<void> {
  if (entry.act !== "stop") return;
  const leftMs = Date.parse(entry.actUntil) - clock.now().getTime();
  // Bounded also if the wall clock was set back.
  const deadline = clock.elapsedMs() + Math.min(leftMs, entry.timeoutMs + STOP_SLACK_MS);
  for (;;) {
    const now = await engine.look(entry.id);
    const runsAsBefore = now !== undefined && now.state !== "stopped" && now.startedAt === entry.startedAt;
    if (!runsAsBefore || clock.elapsedMs() > deadline) return;
    await clock.sleep(100);
  }
}

/**
 * Resolves when the container is as well as it was found; rejects when it is not by `deadline`. One that runs, and of
 * which the engine does not know yet whether it is healthy, is then as well as can be.
 */
async function untilWell(entry: HeldContainer, deadline: number, tools: QuiesceTools): Promise<void> {
  const { clock, limits, log } = tools;
  const began = clock.elapsedMs();
  for (;;) {
    const container = await present(entry, tools);
    if (isWell(container, entry)) return;
    const isHopeless = container.health === "unhealthy" && clock.elapsedMs() - began >= limits.unhealthyMs;
    const isUnknown = container.state === "running" && container.health === "starting";
    const isLast =
      isHopeless ||
      clock.elapsedMs() > deadline ||
      (isUnknown && clock.elapsedMs() - began > worthWaitingMs(container, limits));
    if (isLast && isUnknown) return;
    if (isLast && container.state === "running" && entry.health === "starting") {
      log.warn("container runs, but is not healthy; it was not yet when it was held", { container: entry.name });
      return;
    }
    if (isLast || container.state === "stopped") throw unwell(container);
    await clock.sleep(POLL_MS);
  }
}

/** Looks again once it has run for a while. */
async function stillWell(entry: HeldContainer, settledAtMs: number, tools: QuiesceTools): Promise<void> {
  const { clock } = tools;
  await clock.sleep(Math.max(0, settledAtMs - clock.elapsedMs()));
  await untilWell(entry, 0, tools);
}

/** How long those that depend on it shall stay down until the engine knows. With a first probe that comes late, not at all. */
function worthWaitingMs({ probing }: Container, { lateProbeMs, startProbesMs }: QuiesceLimits): number {
  if (probing === undefined || probing.intervalMs <= lateProbeMs) return Infinity;
  return Math.min(probing.startPeriodMs, startProbesMs);
}

function isWell({ state, health }: Container, found: HeldContainer): boolean {
  if (state !== "running") return state === "restarting" && found.found === "restarting";
  // What was healthy when it was paused is so until a probe says otherwise.
  if (found.act === "pause" && health === "starting") return true;
  // One without a healthcheck, or unhealthy when it was found, need not become healthy.
  return found.health === "none" || found.health === "unhealthy" || health === "healthy" || health === "none";
}

function unwell({ name, state, health, exitCode }: Container): LifeboatError {
  if (state === "running") return new LifeboatError("left-down", `container '${name}' runs, but is ${health}`);
  const how = state === "stopped" ? `ended again with exit code ${exitCode}` : `is ${state}`;
  return new LifeboatError("left-down", `container '${name}' ${how}`, { hint: `Look at docker logs ${name}.` });
}

/** Nothing of that id, name or compose service is there: nothing is left that could be brought back. */
class Gone extends LifeboatError {}

async function present(entry: HeldContainer, { engine }: QuiesceTools): Promise<Container> {
  const container = await findAgain(engine, entry);
  if (container) return container;
  throw new Gone("left-down", `container '${entry.name}' was removed, and nothing has taken its place`, {
    hint: "If it is still wanted, docker compose up -d makes it anew.",
  });
}

async function giveUp(
  entry: HeldContainer,
  cause: Error,
  isBack: boolean,
  { journal, log }: QuiesceTools,
): Promise<ReleaseFailure> {
  if (isBack) {
    log.error("journal cannot be written", { container: entry.name, error: cause });
    return { container: entry.name, kind: "journal", error: cause };
  }
  log.error("container was not brought back", { container: entry.name, error: cause });
  // Said once; kept in the journal it would be said for ever.
  if (cause instanceof Gone) await journal.dropContainer(entry.id);
  const hint =
    hintOf(cause) ??
    `Find out why it does not start: docker start ${entry.name}. The next start of lifeboat tries again.`;
  const error = new LifeboatError("left-down", `container '${entry.name}' was not brought back`, { hint, cause });
  return { container: entry.name, kind: "left-down", error };
}

/** The error instead of a rejection, so that one container's failure does not end the work on the others. */
async function settled(work: Promise<void>): Promise<Error | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
