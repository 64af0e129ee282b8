import { LifeboatError } from "../errors.ts";
import type { ServerContainer } from "../sources/server-container.ts";
import type { Clock } from "../system/clock.ts";
import { whileEngineGone, type DockerConnection } from "../system/docker.ts";
import { composeIdentity, type Container } from "./container.ts";
import { surveyContainers } from "./discovery.ts";
import { engineOver, type Engine } from "./engine.ts";
import { streamFromContainer } from "./exec-stream.ts";
import { readLabels, type PostgresWish } from "./labels.ts";
import { defaultLimits } from "./limits.ts";
import { readWhereabouts } from "./own-container.ts";

/**
 * The containers labelled `lifeboat.postgres=true` among those that are ours to look at (`project` as for holds), by
 * name. User and databases come from a container's labels, else from its environment, as the image `postgres`
 * understands that.
 * Rejects if one of them does not run, as then there would be no dump of it.
 */
export async function findPostgresContainers(
  docker: DockerConnection,
  project: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly ServerContainer[]> {
  const engine = engineOver(docker);
  const here = await readWhereabouts();
  const survey = () => surveyContainers(engine, project, here, signal);
  const { scope } = await whileEngineGone(survey, defaultLimits.engineMs, clock, signal);
  const found: ServerContainer[] = [];
  for (const container of scope) {
    const { postgres } = readLabels(container.name, container.labels).wishes;
    if (!postgres) continue;
    refuseAtRest(container);
    const env = await environmentOf(engine, container, signal);
    found.push({
      name: composeIdentity(container.labels)?.service ?? container.name,
      container: container.name,
      ...accessOf(postgres, env),
      start: (command, until) => streamFromContainer(engine, { container, ...command }, clock, until),
    });
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function refuseAtRest({ name, state }: Container): void {
  if (state === "running") return;
  throw new LifeboatError("failed", `container '${name}' is ${state}, so the databases in it cannot be dumped`, {
    hint: "Start it, or take the label lifeboat.postgres from it.",
  });
}

function accessOf(
  wish: PostgresWish,
  env: ReadonlyMap<string, string>,
): { user: string; databases: readonly string[] | "all" } {
  const user = wish.user ?? (env.get("POSTGRES_USER") || "postgres");
  return { user, databases: wish.databases ?? [env.get("POSTGRES_DB") || env.get("POSTGRES_USER") || "postgres"] };
}

async function environmentOf(
  engine: Engine,
  { id, name }: Container,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = await engine.connection.call(
    `inspect container '${name}'`,
    15_000,
    (docker, abortSignal) => docker.getContainer(id).inspect({ abortSignal }),
    signal,
  );
  return new Map((found.Config.Env ?? []).map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
}
