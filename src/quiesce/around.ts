import type { Container, ContainerMount } from "./container.ts";
import type { Survey } from "./discovery.ts";
import { overlap } from "./host-paths.ts";
import { readLabels } from "./labels.ts";
import type { HoldPlan } from "./plan.ts";
import type { StackPlan, UnsavedMount } from "./quiescer.ts";

/** What a backup would do to the stack, and what of the stack it would not save. */
export function stackPlanOf(plan: HoldPlan, survey: Survey, sourcesFolder: string): StackPlan {
  return {
    hasEngine: true,
    holds: plan.holds.map(({ container, act }) => ({ container: container.name, act })),
    atRest: plan.atRest.map(({ name }) => name),
    hooked: plan.hooks.map(({ container }) => container.name),
    warnings: plan.warnings,
    unsaved: unsavedIn(survey, sourcesFolder),
    servers: serversIn(survey).map(({ name, image, aliases, labels }) => ({
      container: name,
      image,
      names: [name, labels["com.docker.compose.service"] ?? name, ...aliases],
    })),
  };
}

/** What containers of the stack may write to, and no mount of ours shows. One that several have is told once. */
function unsavedIn({ scope, own }: Survey, sourcesFolder: string): readonly UnsavedMount[] {
  const ours = own ? own.mounts.map(({ source }) => source) : [sourcesFolder];
  const unsaved = new Map<string, UnsavedMount>();
  for (const container of scope) {
    for (const mount of container.mounts.filter(mayHoldData)) {
      if (ours.some((source) => overlap(source, mount.source)) || isDumpedFrom(mount, container)) continue;
      const { containers = [] } = unsaved.get(mount.source) ?? {};
      unsaved.set(mount.source, {
        what: mount.volume ?? mount.source,
        isVolume: mount.volume !== undefined,
        destination: mount.destination,
        containers: [...containers, container.name],
      });
    }
  }
  return [...unsaved.values()];
}

/** Sockets, and folders that belong to the machine and not to the stack, hold nothing to save. */
function mayHoldData({ source, writable }: ContainerMount): boolean {
  return writable && source !== "" && !/\.sock$|^\/(?:dev|proc|sys|run|tmp|var\/run)(?:\/|$)|^\/$/.test(source);
}

function isDumpedFrom({ destination }: ContainerMount, { name, labels }: Container): boolean {
  return readLabels(name, labels).wishes.postgres !== undefined && /postgres|pgdata|pgsql/i.test(destination);
}

/** Images whose programs keep a database that cannot be copied file by file. */
const SERVER_IMAGES = new Set([
  ...["postgres", "postgresql", "postgis", "timescaledb", "timescaledb-ha", "pgvector", "cloudnative-pg"],
  ...["mysql", "mysql-server", "mariadb", "percona", "percona-server", "mongo", "mongodb", "etcd"],
  ...["influxdb", "elasticsearch", "opensearch", "clickhouse", "clickhouse-server", "cassandra", "scylla"],
  ...["cockroach", "prometheus", "victoria-metrics", "neo4j", "rabbitmq", "meilisearch"],
]);

/** Containers with a known database server in them that are neither dumped nor brought to rest, by label or by hooks. */
function serversIn({ scope }: Survey): readonly Container[] {
  return scope.filter(({ name, image, labels }) => {
    const { hold, postgres, before } = readLabels(name, labels).wishes;
    return SERVER_IMAGES.has(nameOf(image)) && !hold && !postgres && !before;
  });
}

/** "ghcr.io/a/postgres:17@sha256:…" is "postgres". */
function nameOf(image: string): string {
  const [path = ""] = image.split("@");
  return path.slice(path.lastIndexOf("/") + 1).replace(/:.*$/, "");
}
