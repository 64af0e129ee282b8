import { composeIdentity, type ComposeIdentity, type Container } from "./container.ts";
import type { Engine } from "./engine.ts";

/** How a container of the journal is found again. */
export interface Remembered {
  readonly id: string;
  readonly name: string;
  readonly compose: ComposeIdentity | null;
}

/**
 * The container itself, or the one that compose (or a tool like it) put in its place. One that runs goes before one
 * that does not, so that an old container is never started beside its successor. Undefined if all is gone.
 */
export async function findAgain(engine: Engine, remembered: Remembered): Promise<Container | undefined> {
  const { id, name, compose } = remembered;
  const itself = await engine.look(id);
  const successors = compose ? await ofService(engine, compose) : [await engine.look(name)];
  const others = successors.filter((one) => one !== undefined && one.id !== id);
  return others.find((one) => one?.state !== "stopped") ?? itself ?? others[0];
}

async function ofService(engine: Engine, wanted: ComposeIdentity): Promise<readonly Container[]> {
  const ids = await engine.listIds([
    `com.docker.compose.project=${wanted.project}`,
    `com.docker.compose.service=${wanted.service}`,
  ]);
  const found = await Promise.all(ids.map((id) => engine.look(id)));
  return found.filter(
    (one) => one !== undefined && composeIdentity(one.labels)?.number === wanted.number,
  ) as Container[];
}
