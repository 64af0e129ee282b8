import type { DockerConnection } from "../system/docker.ts";
import { projectOf } from "./container.ts";
import { engineOver } from "./engine.ts";
import { findOwnContainer, readWhereabouts } from "./own-container.ts";

/** The compose project this program's own container belongs to; undefined outside of one. Rejects as the engine does. */
export async function ownComposeProject(docker: DockerConnection, signal: AbortSignal): Promise<string | undefined> {
  const own = await findOwnContainer(engineOver(docker), await readWhereabouts(), signal);
  return own && projectOf(own);
}
