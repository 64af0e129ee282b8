import { LifeboatError } from "../errors.ts";
import { isEngineGone, whileEngineGone } from "../system/docker.ts";
import { failpoint } from "../system/failpoint.ts";
import { composeIdentity } from "./container.ts";
import { endMarked, newMark, runInContainer } from "./exec.ts";
import { findAgain } from "./find-again.ts";
import type { OpenHook } from "./journal.ts";
import { readLabels } from "./labels.ts";
import type { PlannedHooks } from "./plan.ts";
import type { ReleaseFailure } from "./quiescer.ts";
import type { QuiesceTools } from "./tools.ts";
import { pictureOfFile, waitForRewrite } from "./wait-for.ts";

/**
 * Runs what is to be done in or to one container before anything is held. From the moment it begins its after-hook is
 * due, also if it fails: what it half did may need undoing. Resolves with warnings.
 */
export async function runBeforeHooks(
  planned: PlannedHooks,
  tools: QuiesceTools,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { engine, journal, clock, log } = tools;
  const { container, before } = planned;
  const open: OpenHook = {
    id: container.id,
    name: container.name,
    compose: composeIdentity(container.labels) ?? null,
    running: null,
    afterIsDue: planned.hasAfter,
  };
  if (before) {
    const mark = newMark();
    await journal.setHook({ ...open, running: { mark, user: before.user ?? null } });
    await failpoint("hold:hook-journalled", signal);
    const startedMs = clock.elapsedMs();
    const { command, user, timeoutMs } = before;
    const wanted = { container, command, user, timeoutMs, mark, onKilled: () => tellKilled(container.name, log) };
    const output = await runInContainer(engine, wanted, clock, signal);
    log.info("before-hook has run", { container: container.name, tookMs: Math.round(clock.elapsedMs() - startedMs) });
    log.debug("before-hook said", { container: container.name, output });
  }
  await (planned.hasAfter ? journal.setHook(open) : journal.dropHook(container.id));
  return planned.signal ? await sendBeforeSignal(planned, planned.signal, tools, signal) : [];
}

async function sendBeforeSignal(
  { container }: PlannedHooks,
  { name, waitFor, timeoutMs }: NonNullable<PlannedHooks["signal"]>,
  { engine, clock, log }: QuiesceTools,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const before = waitFor === undefined ? undefined : await pictureOfFile(waitFor);
  await engine.sendSignal(container, name, signal);
  const warning = waitFor === undefined ? undefined : await waitForRewrite(waitFor, before, timeoutMs, clock, signal);
  // Without a file to wait for, it gets a moment to show that it dies.
  const deadline = clock.elapsedMs() + (waitFor === undefined ? DYING_MS : 0);
  do {
    const now = await engine.look(container.id, signal);
    if (now?.state !== "running" || now.startedAt !== container.startedAt) throw notSurvived(container.name, name);
    await clock.sleep(100, signal);
  } while (clock.elapsedMs() < deadline);
  log.info("before-signal sent", { container: container.name, signal: name, waitFor });
  return warning === undefined ? [] : [`container '${container.name}' was sent ${name}, but ${warning}`];
}

const DYING_MS = 1000;

/** A program that knows nothing of a signal is ended by it. */
function notSurvived(container: string, signalName: string): LifeboatError {
  return new LifeboatError("failed", `container '${container}' did not survive the signal ${signalName}`, {
    hint: "Its program does not handle that signal. Take the label lifeboat.before.signal away.",
  });
}

/**
 * Ends commands that an interrupted hook left running, and runs the after-hooks that are due, the last first.
 * Resolves with the failures. What the engine's absence prevented stays in the journal.
 */
export async function closeHooks(tools: QuiesceTools): Promise<readonly ReleaseFailure[]> {
  const { journal, log } = tools;
  const failures: ReleaseFailure[] = [];
  for (const hook of [...journal.hooks].reverse()) {
    try {
      await closeHook(hook, tools);
    } catch (error) {
      log.error("after-hook failed", { container: hook.name, error });
      failures.push({ container: hook.name, kind: "hook", error: error as Error });
      if (isEngineGone(error)) continue;
    }
    await journal.dropHook(hook.id);
    await failpoint("release:hook-run");
  }
  return failures;
}

function tellKilled(container: string, log: QuiesceTools["log"]): void {
  log.warn("a hook had to be killed, as SIGTERM did not end it", {
    container,
    hint: "A PostgreSQL that is the container's first process may take that for a crash and throw out its clients: give the service init: true, or let the hook heed SIGTERM.",
  });
}

async function closeHook(hook: OpenHook, tools: QuiesceTools): Promise<void> {
  const { engine, journal, limits, clock, log } = tools;
  const { running } = hook;
  if (running) {
    const leftover = { container: hook, mark: running.mark, user: running.user ?? undefined };
    const outcome = await whileEngineGone(() => endMarked(engine, leftover, clock), limits.comeBackMs, clock);
    if (outcome === "killed") tellKilled(hook.name, log);
  }
  if (!hook.afterIsDue) return;
  const container = await whileEngineGone(() => findAgain(engine, hook), limits.comeBackMs, clock);
  if (container?.state !== "running") {
    throw new LifeboatError("failed", `the after-hook of '${hook.name}' was not run, because it is not running`);
  }
  // Read again instead of kept in the journal: commands may hold passwords.
  const after = readLabels(container.name, container.labels).wishes.after;
  if (!after) return;
  const mark = newMark();
  await journal.setHook({ ...hook, running: { mark, user: after.user ?? null } });
  await failpoint("release:hook-journalled");
  const wanted = {
    container,
    command: after.command,
    user: after.user,
    timeoutMs: after.timeoutMs ?? limits.execMs,
    mark,
    onKilled: () => tellKilled(container.name, log),
  };
  const output = await runInContainer(engine, wanted, clock);
  log.info("after-hook has run", { container: hook.name });
  log.debug("after-hook said", { container: hook.name, output });
}
