import type { Health, Probing } from "./health.ts";

/** What this room needs to know of a container; one moment's picture. */
export interface Container {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** As it was asked for: "postgres:17". */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  /** The engine's own words, kept to compare: another value means that it was started again. */
  readonly startedAt: string;
  readonly exitCode: number;
  readonly health: Health;
  /** Undefined without a healthcheck. */
  readonly probing: Probing | undefined;
  readonly autoRemove: boolean;
  /** Its own stop_grace_period, if it has one. */
  readonly stopTimeoutMs: number | undefined;
  /** Ids or names of the containers in whose network, process or IPC namespace it lives. It cannot outlive those. */
  readonly livesIn: readonly string[];
  /** Ids or names of the containers it is linked to or takes volumes from. */
  readonly leansOn: readonly string[];
  /** Where its mounts are, as it sees them. */
  readonly mountPoints: readonly string[];
  /** The same mounts, with what lies behind each: a folder or file of the host, also for a volume. */
  readonly mounts: readonly ContainerMount[];
  /** The folder its root file system writes to on the host, where the storage driver tells. */
  readonly upperFolder: string | undefined;
  /** Names and addresses under which others reach it in a network. */
  readonly aliases: readonly string[];
}

export interface ContainerMount {
  readonly destination: string;
  readonly source: string;
  readonly writable: boolean;
  /** The name of the volume, if it is one. */
  readonly volume: string | undefined;
}

/** "stopped" is everything that does not run: created, exited, dead. "restarting": down, but the engine will start it. */
export type ContainerState = "running" | "paused" | "restarting" | "stopped";

export function projectOf(container: Container): string | undefined {
  return container.labels["com.docker.compose.project"];
}

/** True for a container of `compose run`, which has the labels of its service and is none of its containers. */
export function isOneOff(labels: Readonly<Record<string, string>>): boolean {
  return labels["com.docker.compose.oneoff"] === "True";
}

/** What stays the same when compose (or a tool that copies labels) replaces a container by a new one. */
export interface ComposeIdentity {
  readonly project: string;
  readonly service: string;
  readonly number: string;
}

/** Undefined outside compose, and for `compose run`, whose containers share a number with the service's own. */
export function composeIdentity(labels: Readonly<Record<string, string>>): ComposeIdentity | undefined {
  const project = labels["com.docker.compose.project"];
  const service = labels["com.docker.compose.service"];
  const number = labels["com.docker.compose.container-number"] ?? "1";
  if (project === undefined || service === undefined) return undefined;
  if (isOneOff(labels)) return undefined;
  return { project, service, number };
}
