import { LifeboatError } from "../errors.ts";
import { DockerError, whileEngineGone } from "../system/docker.ts";
import { failpoint } from "../system/failpoint.ts";
import { composeIdentity, type Container } from "./container.ts";
import type { HeldContainer } from "./journal.ts";
import type { PlannedHold } from "./plan.ts";
import type { QuiesceTools } from "./tools.ts";

/** The engine's own kill after the stop timeout is through by then. */
export const STOP_SLACK_MS = 5_000;

/**
 * Brings one container to rest and makes sure that it is. In the journal before it is done; whatever this rejects with,
 * the journal tells what may have happened. Resolves with the container at rest.
 */
export async function bringToRest(hold: PlannedHold, tools: QuiesceTools, signal: AbortSignal): Promise<Container> {
  const { journal, clock, log } = tools;
  const { container } = hold;
  signal.throwIfAborted();
  await journal.setContainer(journalEntry(hold, clock.now()));
  const startedMs = clock.elapsedMs();
  try {
    await failpoint("hold:container-journalled", signal);
    signal.throwIfAborted();
  } catch (error) {
    await journal.dropContainer(container.id);
    throw error;
  }
  try {
    await perform(hold, tools, signal);
  } catch (error) {
    await forgetIfUntouched(hold, error, tools);
    throw error;
  }
  await failpoint("hold:container-acted", signal);
  const rested = await untilAtRest(hold, tools, signal);
  log.info(rested.state === "paused" ? "container paused" : "container stopped", {
    container: container.name,
    tookMs: Math.round(clock.elapsedMs() - startedMs),
  });
  return rested;
}

function journalEntry({ container, act, timeoutMs, dependsOn }: PlannedHold, now: Date): HeldContainer {
  return {
    id: container.id,
    name: container.name,
    compose: composeIdentity(container.labels) ?? null,
    act,
    found: container.state === "restarting" ? "restarting" : "running",
    health: container.health,
    startedAt: container.startedAt,
    actUntil: new Date(now.getTime() + timeoutMs + STOP_SLACK_MS).toISOString(),
    timeoutMs,
    dependsOn: [...dependsOn],
  };
}

async function perform(hold: PlannedHold, tools: QuiesceTools, signal: AbortSignal): Promise<void> {
  const { engine, limits, clock } = tools;
  const act = () =>
    hold.act === "stop" ? engine.stop(hold.container, hold.timeoutMs, signal) : pauseOrStop(hold, tools, signal);
  await whileEngineGone(act, limits.engineMs, clock, signal);
}

/** A container that crashes again and again can be paused only while it is up; caught in between it is stopped. */
async function pauseOrStop(
  { container, timeoutMs }: PlannedHold,
  tools: QuiesceTools,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = tools;
  for (let attemptsLeft = 5; ; attemptsLeft--) {
    const now = await engine.look(container.id, signal);
    // An engine that went away in the middle of an earlier attempt may have done it.
    if (!now || isAtRest(now)) return;
    if (now.state === "restarting") return await engine.stop(container, timeoutMs, signal);
    try {
      return await engine.pause(container);
    } catch (error) {
      if (!hasEnded(error) || attemptsLeft === 1) throw error;
    }
  }
}

/** It ended between the look and the pause. Some engines say 409, others 500 with the runtime's words. */
function hasEnded(error: unknown): boolean {
  return error instanceof DockerError && (error.statusCode === 409 || /not running/i.test(error.message));
}

function isAtRest({ state }: Container): boolean {
  return state === "stopped" || state === "paused";
}

/** The engine said no, and the container runs on: nothing to undo, and nothing that could still come. */
async function forgetIfUntouched({ container }: PlannedHold, error: unknown, tools: QuiesceTools): Promise<void> {
  if (!(error instanceof DockerError) || error.statusCode === undefined) return;
  try {
    const now = await tools.engine.look(container.id);
    if (now?.state === "running" && now.startedAt === container.startedAt) {
      await tools.journal.dropContainer(container.id);
    }
  } catch {
    // Then it stays in the journal, and the release finds out; the first error is the one worth telling.
  }
}

async function untilAtRest(hold: PlannedHold, tools: QuiesceTools, signal: AbortSignal): Promise<Container> {
  const { engine, limits, clock } = tools;
  const { id, name } = hold.container;
  const deadline = clock.elapsedMs() + STOP_SLACK_MS;
  for (;;) {
    const now = await whileEngineGone(() => engine.look(id, signal), limits.engineMs, clock, signal);
    if (!now) throw new LifeboatError("failed", `container '${name}' vanished while it was brought to rest`);
    if (isAtRest(now)) return now;
    if (clock.elapsedMs() > deadline) {
      throw new LifeboatError("failed", `container '${name}' does not stay at rest: it is ${now.state}`, {
        hint: "Something else starts it again; look for a supervisor outside Docker.",
      });
    }
    await clock.sleep(200, signal);
  }
}
