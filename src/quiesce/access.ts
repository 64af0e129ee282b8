import { LifeboatError } from "../errors.ts";
import { DockerError, isRefusal, type Exchange } from "../system/docker.ts";
import type { Engine } from "./engine.ts";
import type { HoldPlan } from "./plan.ts";

type Verb = "stop" | "start" | "pause" | "unpause" | "kill" | "exec" | "exec start" | "exec inspect";

/** No container can have this name, so that asking for it changes nothing: the engine answers 404, a proxy 403. */
const NOBODY = "lifeboat-asks-whether-it-may";

const probes: Record<Verb, { readonly path: string; readonly ask: Exchange<unknown> }> = {
  stop: {
    path: "POST /containers/{id}/stop",
    ask: (docker, abortSignal) => docker.getContainer(NOBODY).stop({ abortSignal }),
  },
  start: {
    path: "POST /containers/{id}/start",
    ask: (docker, abortSignal) => docker.getContainer(NOBODY).start({ abortSignal }),
  },
  pause: {
    path: "POST /containers/{id}/pause",
    ask: (docker, abortSignal) => docker.getContainer(NOBODY).pause({ abortSignal }),
  },
  unpause: {
    path: "POST /containers/{id}/unpause",
    ask: (docker, abortSignal) => docker.getContainer(NOBODY).unpause({ abortSignal }),
  },
  kill: {
    path: "POST /containers/{id}/kill",
    ask: (docker, abortSignal) => docker.getContainer(NOBODY).kill({ signal: "SIGHUP", abortSignal }),
  },
  exec: {
    path: "POST /containers/{id}/exec",
    ask: (docker, abortSignal) => docker.getContainer(NOBODY).exec({ Cmd: ["true"], abortSignal }),
  },
  "exec start": {
    path: "POST /exec/{id}/start",
    ask: (docker, abortSignal) => docker.getExec(NOBODY).start({ abortSignal }),
  },
  "exec inspect": {
    path: "GET /exec/{id}/json",
    ask: (docker, abortSignal) => docker.getExec(NOBODY).inspect({ abortSignal }),
  },
};

/**
 * Finds out, without touching anything, whether the engine (or a proxy before it) allows all that `plan` needs and what
 * bringing the containers back will need. Rejects with one "settings" error that names every call that is refused.
 */
export async function checkAccess(engine: Engine, plan: HoldPlan, signal: AbortSignal): Promise<void> {
  const refused: string[] = [];
  for (const verb of verbsOf(plan)) {
    const { path, ask } = probes[verb];
    try {
      await engine.connection.call(`ask for '${path}'`, 15_000, ask, signal);
    } catch (error) {
      if (!(error instanceof DockerError) || error.statusCode === undefined) throw error;
      if (isRefusal(error.statusCode)) refused.push(`'${verb}' (${path})`);
    }
  }
  if (refused.length === 0) return;
  throw new LifeboatError(
    "settings",
    `the Docker engine at '${engine.connection.host}' refuses ${refused.join(", ")}`,
    {
      hint: "The labels need these calls. Allow them in the socket proxy, or take the labels away. Nothing was touched.",
    },
  );
}

function verbsOf(plan: HoldPlan): readonly Verb[] {
  const acts = new Set(plan.holds.map((hold) => hold.act));
  return [
    ...(acts.has("stop") ? (["stop", "start"] as const) : []),
    // A paused container that the engine's restart stopped is brought back by start.
    ...(acts.has("pause") ? (["pause", "unpause", "start"] as const) : []),
    ...(plan.hooks.some((hook) => hook.signal) ? (["kill"] as const) : []),
    ...(plan.hooks.some((hook) => hook.before || hook.hasAfter)
      ? (["exec", "exec start", "exec inspect"] as const)
      : []),
  ].filter((verb, index, all) => all.indexOf(verb) === index);
}
