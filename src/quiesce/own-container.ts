import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { isSystemError } from "../system/files.ts";
import type { Container } from "./container.ts";
import type { Engine } from "./engine.ts";

/** What a process can read about where it runs. */
export interface Whereabouts {
  /** /proc/self/mountinfo */
  readonly mountinfo: string;
  /** /proc/self/cgroup */
  readonly cgroup: string;
  readonly hostname: string;
}

export async function readWhereabouts(): Promise<Whereabouts> {
  const [mountinfo, cgroup] = await Promise.all([
    readIfThere("/proc/self/mountinfo"),
    readIfThere("/proc/self/cgroup"),
  ]);
  return { mountinfo, cgroup, hostname: hostname() };
}

/** The container this process runs in, as the engine knows it. Undefined when it runs in none of this engine's. */
export async function findOwnContainer(
  engine: Engine,
  here: Whereabouts,
  signal: AbortSignal,
): Promise<Container | undefined> {
  for (const id of ownIdCandidates(here)) {
    const found = await engine.look(id, signal);
    if (!found || found.state === "stopped") continue;
    if (isThisOne(found, here)) return found;
    const neighbour = await findNeighbour(found, engine, here, signal);
    if (neighbour) return neighbour;
  }
  return undefined;
}

/**
 * Ids that are probably our own, the surest first. The control group names us with cgroup v1; with v2 it says "/".
 * The engine mounts /etc/hostname and its like from the container's folder, whatever `hostname:` says. The host name is
 * the id's beginning unless it was set.
 */
export function ownIdCandidates(here: Whereabouts): readonly string[] {
  const fromCgroup = [...here.cgroup.matchAll(/[/-]([0-9a-f]{64})(?:\.scope)?$/gm)].map((match) => match[1]);
  const fromMounts = [
    ...here.mountinfo.matchAll(/\/([0-9a-f]{64})\/(?:userdata\/)?\S+ \/etc\/(?:hostname|hosts|resolv\.conf) /g),
  ].map((match) => match[1]);
  const fromHostname = /^[0-9a-f]{12}$/.test(here.hostname) ? [here.hostname] : [];
  return [...new Set([...fromCgroup, ...fromMounts, ...fromHostname])].filter((id) => id !== undefined);
}

/** Our writable layer is ours alone; without that, every mount the engine gave the container must be there. */
function isThisOne(container: Container, here: Whereabouts): boolean {
  const upperFolder = /^\S+ \S+ \S+ \/ \/ .* - overlay .*upperdir=([^,\s]+)/m.exec(here.mountinfo)?.[1];
  if (upperFolder !== undefined && container.upperFolder !== undefined) {
    // The engine shortens the path to a relative one when there are many layers.
    return container.upperFolder === upperFolder || container.upperFolder.endsWith(`/${upperFolder}`);
  }
  const mounted = new Set(here.mountinfo.split("\n").map((line) => unescaped(line.split(" ")[4] ?? "")));
  return container.mountPoints.every((point) => mounted.has(point.replace(/(.)\/$/, "$1")));
}

/** With `network_mode: service:x` host name and /etc/hosts are x's, so we are one of those that live in x's network. */
async function findNeighbour(
  host: Container,
  engine: Engine,
  here: Whereabouts,
  signal: AbortSignal,
): Promise<Container | undefined> {
  for (const id of await engine.listIds([], signal)) {
    const found = await engine.look(id, signal);
    if (found?.livesIn.includes(host.id) && found.state !== "stopped" && isThisOne(found, here)) return found;
  }
  return undefined;
}

/** mountinfo writes space, tab, newline and backslash as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // Not Linux, or no /proc: then nothing tells where we are, and the host name must do.
    if (isSystemError(error, "ENOENT", "EACCES", "ENOTDIR")) return "";
    throw error;
  }
}
