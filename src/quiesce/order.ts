import { composeIdentity, projectOf, type Container } from "./container.ts";

/** Who needs whom, among the containers given. */
export interface Order {
  /** Dependencies before dependants; equals by name. */
  readonly startOrder: readonly Container[];
  /** Ids of everything that the container with the key's id needs, directly or through others. */
  readonly dependencies: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names along each circle that had to be cut. */
  readonly cycles: readonly (readonly string[])[];
}

/** Works out the order from compose's depends_on, shared namespaces, links and volumes_from. */
export function orderOf(containers: readonly Container[]): Order {
  const direct = new Map(containers.map((one) => [one.id, directDependencies(one, containers)]));
  const byName = [...containers].sort((a, b) => (a.name < b.name ? -1 : 1));
  const placed = new Set<string>();
  const startOrder: Container[] = [];
  const cycles: string[][] = [];
  while (startOrder.length < byName.length) {
    const waiting = byName.filter((one) => !placed.has(one.id));
    let next = waiting.find((one) => [...(direct.get(one.id) ?? [])].every((id) => placed.has(id)));
    if (!next) {
      const cycle = cycleAmong(waiting, direct);
      cycles.push(cycle.map((one) => one.name));
      next = waiting.find((one) => cycle.includes(one));
    }
    if (!next) break;
    placed.add(next.id);
    startOrder.push(next);
  }
  return { startOrder, cycles, dependencies: new Map(containers.map((one) => [one.id, reach(one.id, direct)])) };
}

/** Finds the container that `reference` (an id, the start of one, or a name) means. */
export function findContainer(reference: string, containers: readonly Container[]): Container | undefined {
  return containers.find(
    (one) => one.name === reference || one.id === reference || (reference.length >= 12 && one.id.startsWith(reference)),
  );
}

/** Ids of what a container says it needs, by compose's depends_on, a shared namespace, links or volumes_from. */
export function directDependencies(container: Container, containers: readonly Container[]): ReadonlySet<string> {
  const services = composeDependencies(container.labels["com.docker.compose.depends_on"] ?? "");
  const project = projectOf(container);
  const ids = new Set<string>();
  for (const other of containers) {
    const service = composeIdentity(other.labels)?.service;
    if (project !== undefined && projectOf(other) === project && service !== undefined && services.includes(service)) {
      ids.add(other.id);
    }
  }
  for (const reference of [...container.livesIn, ...container.leansOn]) {
    const other = findContainer(reference, containers);
    if (other) ids.add(other.id);
  }
  ids.delete(container.id);
  return ids;
}

/** Service names out of compose's own label: "db:service_healthy:false,cache:service_started:true". */
function composeDependencies(label: string): readonly string[] {
  return label.split(",").flatMap((entry) => entry.split(":")[0]?.trim() || []);
}

type Edges = ReadonlyMap<string, ReadonlySet<string>>;

/** Every one of `waiting` needs another of them, so following needs from anywhere must end in a circle. */
function cycleAmong(waiting: readonly Container[], direct: Edges): readonly Container[] {
  const path: Container[] = [];
  for (let current = waiting[0]; current && !path.includes(current);) {
    path.push(current);
    const needs: ReadonlySet<string> = direct.get(current.id) ?? new Set();
    const next: Container | undefined = waiting.find((one) => needs.has(one.id));
    if (next && path.includes(next)) return path.slice(path.indexOf(next));
    current = next;
  }
  return path;
}

function reach(from: string, direct: Edges): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [...(direct.get(from) ?? [])];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(...(direct.get(id) ?? []));
  }
  seen.delete(from);
  return seen;
}
