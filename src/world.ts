import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { World } from "./config/read.ts";
import { withDeadline } from "./system/clock.ts";

/** What settings are read against, but for the compose project, which only the engine knows. */
export function localWorld(): World {
  return { readFile: (path) => readFileSync(path, "utf8"), exists: existsSync, hostName: hostname() };
}

/** How long the engine may take to say which compose project is ours; without an answer the host name must do. */
const OWN_PROJECT_MS = 5000;

/** As `localWorld`, with the compose project where it is needed for the name of the backups. */
export async function worldOf(env: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<World> {
  const world = localWorld();
  const host = env["DOCKER_HOST"] || "unix:///var/run/docker.sock";
  if (env["BACKUP_NAME"] || env["BACKUP_NAME_FILE"] || env["BACKUP_DOCKER_PROJECT"] === "none") return world;
  if (host.startsWith("unix://") && !existsSync(host.slice("unix://".length))) return world;
  const [{ ownComposeProject }, { connectDocker }] = await Promise.all([
    import("./quiesce/own-project.ts"),
    import("./system/docker.ts"),
  ]);
  using limited = withDeadline(OWN_PROJECT_MS, () => new Error("the engine does not answer"), signal);
  try {
    const composeProject = await ownComposeProject(connectDocker(host), limited);
    return composeProject === undefined ? world : { ...world, composeProject };
  } catch {
    signal.throwIfAborted();
    return world; // Only a default is lost; an engine that is needed and does not answer is told by the hold.
  }
}
