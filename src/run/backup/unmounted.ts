import { stat } from "node:fs/promises";
import type { Config } from "../../config/config.ts";
import { LifeboatError } from "../../errors.ts";
import type { Vanished } from "../catalogue/vanished.ts";
import type { State } from "../conduct/state.ts";

/**
 * The local targets whose disk is not mounted, by name: what was there has vanished, and the folder now lies on the disk
 * of the state folder, on which it was not before. A backup there would fill that disk, and the mount would hide it.
 */
export async function unmountedTargets(
  vanished: readonly Vanished[],
  places: NonNullable<State["places"]>,
  config: Config,
): Promise<ReadonlyMap<string, LifeboatError>> {
  const unmounted = new Map<string, LifeboatError>();
  for (const { target } of vanished) {
    if (!places[target]?.apart || (await liesApart(target, config))) continue;
    const why = `'${target}' is on the disk of the state folder, where it was not before: its own disk is not mounted`;
    const hint = "Mount it. If backups shall go there from now on, say so: lifeboat verify --accept-missing.";
    unmounted.set(target, new LifeboatError("failed", why, { hint }));
  }
  return unmounted;
}

/** True for a local target on another disk than the state folder; false for all others. */
export async function liesApart(targetName: string, { targets, state }: Config): Promise<boolean> {
  if (!targets.some((target) => target.kind === "local" && target.folder === targetName)) return false;
  const [there, here] = await Promise.all([stat(targetName), stat(state)]);
  return there.dev !== here.dev;
}
