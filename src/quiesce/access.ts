import { LifeboatError } from "../errors.ts";
import { DockerError, isRefusal, UNVERSIONED, type Exchange } from "../system/docker.ts";
import type { Engine } from "./engine.ts";
import type { HoldPlan } from "./plan.ts";

type Verb = "stop" | "start" | "pause" | "unpause" | "kill" | "exec" | "exec start" | "exec inspect";

/** No container can have this name, so that asking for it changes nothing: the engine answers 404, a proxy 403. */
const NOBODY = "lifeboat-asks-whether-it-may";

const probes: Record<Verb, Exchange<unknown>> = {
  stop: (docker, abortSignal) => docker.getContainer(NOBODY).stop({ abortSignal }),
  start: (docker, abortSignal) => docker.getContainer(NOBODY).start({ abortSignal }),
  pause: (docker, abortSignal) => docker.getContainer(NOBODY).pause({ abortSignal }),
  unpause: (docker, abortSignal) => docker.getContainer(NOBODY).unpause({ abortSignal }),
  kill: (docker, abortSignal) => docker.getContainer(NOBODY).kill({ signal: "SIGHUP", abortSignal }),
  exec: (docker, abortSignal) => docker.getContainer(NOBODY).exec({ Cmd: ["true"], abortSignal }),
  "exec start": (docker, abortSignal) => docker.getExec(NOBODY).start({ abortSignal }),
  "exec inspect": (docker, abortSignal) => docker.getExec(NOBODY).inspect({ abortSignal }),
};

/**
 * Finds out, without touching anything, whether the engine (or a proxy before it) allows all that `plan` needs and what
 * bringing the containers back will need. Rejects with one "settings" error that names every call that is refused.
 */
export async function checkAccess(engine: Engine, plan: HoldPlan, signal: AbortSignal): Promise<void> {
  const refused: string[] = [];
  for (const verb of verbsOf(plan)) {
    try {
      await engine.connection.call(`ask whether '${verb}' is allowed`, 15_000, probes[verb], signal);
    } catch (error) {
      if (!(error instanceof DockerError) || error.statusCode === undefined) throw error;
      if (isRefusal(error.statusCode)) refused.push(`'${error.request}'`);
    }
  }
  if (refused.length === 0) return;
  throw new LifeboatError(
    "settings",
    `the Docker engine at '${engine.connection.host}' refuses ${refused.join(", ")}`,
    {
      hint: `The labels need these calls, with any id for '${NOBODY}', and ${UNVERSIONED}. Allow them in the socket proxy, or take the labels away. Nothing was touched.`,
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
