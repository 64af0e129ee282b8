import { whileEngineGone } from "../system/docker.ts";
import { composeIdentity, type Container } from "./container.ts";
import { findAgain } from "./find-again.ts";
import type { QuiesceTools } from "./tools.ts";

/** Names of those `rested` containers that are not in the same state any more, were started since, or were replaced. */
export async function restless(rested: readonly Container[], tools: QuiesceTools): Promise<readonly string[]> {
  const { engine, limits, clock, log } = tools;
  try {
    const changed = await whileEngineGone(
      () =>
        Promise.all(
          rested.map(async (before) => {
            const compose = composeIdentity(before.labels) ?? null;
            const now = await findAgain(engine, { id: before.id, name: before.name, compose });
            const isSame = now?.id === before.id && now.state === before.state && now.startedAt === before.startedAt;
            return isSame ? [] : [before.name];
          }),
        ),
      limits.engineMs,
      clock,
    );
    return changed.flat();
  } catch (error) {
    log.warn("the engine cannot be asked whether containers are still at rest", { error });
    return rested.map((container) => container.name);
  }
}
