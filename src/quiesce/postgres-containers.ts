import { text } from "node:stream/consumers";
import { LifeboatError } from "../errors.ts";
import type { ContainerCommand, ServerContainer } from "../sources/server-container.ts";
import type { Clock } from "../system/clock.ts";
import { whileEngineGone, type DockerConnection } from "../system/docker.ts";
import { composeIdentity, type Container } from "./container.ts";
import { surveyContainers } from "./discovery.ts";
import { engineOver, type Engine } from "./engine.ts";
import { streamFromContainer } from "./exec-stream.ts";
import { readLabels, type PostgresWish } from "./labels.ts";
import { defaultLimits } from "./limits.ts";
import { readWhereabouts } from "./own-container.ts";
import { accountsIn, exportPassword, type Told } from "./postgres-image.ts";

/**
 * The containers labelled `lifeboat.postgres=true` among those that are ours to look at (`project` as for holds), by
 * name; also those that do not run. The user comes from a container's label, else from its environment, as the usual
 * images understand that.
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
    if (postgres) found.push(await serverIn(container, postgres, engine, clock, signal));
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function serverIn(
  container: Container,
  { user: wanted, databases = "all", dismissed = [] }: PostgresWish,
  engine: Engine,
  clock: Clock,
  signal: AbortSignal,
): Promise<ServerContainer> {
  const known = {
    name: composeIdentity(container.labels)?.service ?? container.name,
    container: container.name,
    databases,
    dismissed,
  };
  const startAfter = (prelude: string) => (command: ContainerCommand, until: AbortSignal) =>
    streamFromContainer(engine, { container, prelude, ...command }, clock, until);
  const start = startAfter("");
  if (container.state !== "running") return { ...known, user: wanted ?? "postgres", atRest: container.state, start };
  const accounts = accountsIn(await environmentOf(engine, container, signal));
  for (const { user: told, passwordIn } of accounts) {
    const user = await userOf(told, container.name, start, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      if (wanted === undefined) throw error;
    });
    if (user === undefined || (wanted !== undefined && wanted !== user)) continue;
    return { ...known, user, start: passwordIn === undefined ? start : startAfter(exportPassword(passwordIn)) };
  }
  return { ...known, user: wanted ?? "postgres", start };
}

/** A file is read as the images read it: without the line ends after it. */
async function userOf(
  told: Told,
  container: string,
  start: ServerContainer["start"],
  signal: AbortSignal,
): Promise<string> {
  if ("value" in told) return told.value;
  try {
    const program = start({ argv: ["cat", told.file], env: {} }, signal);
    const user = (await text(program.stdout)).replace(/\n+$/, "");
    await program.done;
    if (user === "") throw new LifeboatError("failed", "it is empty");
    return user;
  } catch (cause) {
    signal.throwIfAborted();
    const message = `cannot read the server's user from '${told.file}' in container '${container}'`;
    throw new LifeboatError("failed", message, {
      cause,
      hint: "The container's environment names that file. Name the user with the label lifeboat.postgres.user.",
    });
  }
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
