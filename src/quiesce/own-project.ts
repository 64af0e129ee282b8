import type { DockerConnection } from "../system/docker.ts";
import { projectOf } from "./container.ts";
import { engineOver } from "./engine.ts";
import { findOwnContainer, readWhereabouts } from "./own-container.ts";

/** The compose project of the container this process runs in; undefined outside a container or outside compose. */
export async function ownComposeProject(
  connection: DockerConnection,
  signal: AbortSignal,
): Promise<string | undefined> {
  const own = await findOwnContainer(engineOver(connection), await readWhereabouts(), signal);
  return own && projectOf(own);
}
