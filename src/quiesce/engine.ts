import type { ContainerInspectInfo } from "dockerode";
import { DockerError, type DockerConnection } from "../system/docker.ts";
import type { Container, ContainerState } from "./container.ts";
import { healthOf, probingOf } from "./health.ts";

/** The few things this room asks of the engine. All reject with a DockerError; ending states already reached are fine. */
export interface Engine {
  readonly connection: DockerConnection;
  /** Ids of all containers, running or not; with `labels`, of those that carry each of them ("key=value"). */
  listIds(labels: readonly string[], signal?: AbortSignal): Promise<readonly string[]>;
  /** By id or name. Undefined if there is none. */
  look(idOrName: string, signal?: AbortSignal): Promise<Container | undefined>;
  /** Resolves when it has ended; the engine kills it after `timeoutMs`. */
  stop(container: Named, timeoutMs: number, signal?: AbortSignal): Promise<void>;
  start(container: Named): Promise<void>;
  pause(container: Named): Promise<void>;
  unpause(container: Named): Promise<void>;
  sendSignal(container: Named, name: string, signal?: AbortSignal): Promise<void>;
}

export interface Named {
  readonly id: string;
  readonly name: string;
}

const LOOK_MS = 15_000;
const ACT_MS = 60_000;
/** What the engine itself may need on top of the stop timeout to kill, and to tidy up. */
const STOP_MARGIN_MS = 30_000;

export function engineOver(connection: DockerConnection): Engine {
  const { call } = connection;
  return {
    connection,
    async listIds(labels, signal) {
      const found = await call(
        "list containers",
        LOOK_MS,
        (docker, abortSignal) =>
          docker.listContainers({
            all: true,
            abortSignal,
            ...(labels.length ? { filters: { label: [...labels] } } : {}),
          }),
        signal,
      );
      return found.map((one) => one.Id);
    },
    async look(idOrName, signal) {
      const looking = call(
        `inspect container '${idOrName}'`,
        LOOK_MS,
        (docker, abortSignal) => docker.getContainer(idOrName).inspect({ abortSignal }),
        signal,
      );
      const found = await unless(looking, 404);
      return found ? pictureOf(found) : undefined;
    },
    async stop({ id, name }, timeoutMs, signal) {
      const stopping = call(
        `stop container '${name}'`,
        timeoutMs + STOP_MARGIN_MS,
        // Not abortable: some engines drop a stop whose caller hangs up, after SIGTERM was sent.
        (docker) => docker.getContainer(id).stop({ t: Math.ceil(timeoutMs / 1000) }),
        signal,
      );
      await unless(stopping, 304);
    },
    async start({ id, name }) {
      const starting = call(`start container '${name}'`, ACT_MS, (docker, abortSignal) =>
        docker.getContainer(id).start({ abortSignal }),
      );
      await unless(starting, 304);
    },
    async pause({ id, name }) {
      await call(`pause container '${name}'`, ACT_MS, (docker, abortSignal) =>
        docker.getContainer(id).pause({ abortSignal }),
      );
    },
    async unpause({ id, name }) {
      await call(`unpause container '${name}'`, ACT_MS, (docker, abortSignal) =>
        docker.getContainer(id).unpause({ abortSignal }),
      );
    },
    async sendSignal({ id, name }, signalName, signal) {
      await call(
        `send ${signalName} to container '${name}'`,
        LOOK_MS,
        (docker, abortSignal) => docker.getContainer(id).kill({ signal: `SIG${signalName}`, abortSignal }),
        signal,
      );
    },
  };
}

async function unless<T>(answer: Promise<T>, fineStatus: number): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DockerError && error.statusCode === fineStatus) return undefined;
    throw error;
  }
}

function pictureOf(found: ContainerInspectInfo): Container {
  const { Config: config, HostConfig: host, State: state } = found;
  // In the API, but not in the types.
  const stopTimeoutS = (config as { StopTimeout?: number }).StopTimeout;
  const networks = Object.values(found.NetworkSettings.Networks ?? {});
  return {
    id: found.Id,
    name: found.Name.replace(/^\//, ""),
    image: config.Image,
    labels: config.Labels ?? {},
    state: stateOf(state),
    startedAt: state.StartedAt,
    exitCode: state.ExitCode,
    health: healthOf(found),
    probing: probingOf(config),
    autoRemove: host.AutoRemove ?? false,
    stopTimeoutMs: stopTimeoutS === undefined ? undefined : stopTimeoutS * 1000,
    livesIn: [host.NetworkMode, host.PidMode, host.IpcMode].flatMap(
      (mode) => /^container:(.+)$/.exec(mode ?? "")?.[1] ?? [],
    ),
    leansOn: [
      ...(host.Links ?? []).map((link: string) => link.split(":")[0]?.replace(/^\//, "") ?? ""),
      ...(host.VolumesFrom ?? []).map((from: string) => from.split(":")[0] ?? ""),
    ],
    mountPoints: found.Mounts.map((mount) => mount.Destination),
    mounts: found.Mounts.map(({ Type, Name, Destination, Source, RW }) => ({
      destination: Destination,
      source: Source,
      writable: RW,
      volume: Type === "volume" ? Name : undefined,
    })),
    upperFolder: (found.GraphDriver?.Data as { UpperDir?: string } | null | undefined)?.UpperDir,
    aliases: networks.flatMap((network) => [...(network.Aliases ?? []), network.IPAddress]).filter(Boolean),
  };
}

function stateOf(state: ContainerInspectInfo["State"]): ContainerState {
  // A restarting container says Running as well.
  if (state.Restarting) return "restarting";
  if (state.Paused) return "paused";
  return state.Running ? "running" : "stopped";
}
