import type { Container } from "../../src/quiesce/container.ts";
import type { Survey } from "../../src/quiesce/discovery.ts";

/** A running container of compose service `service` in project "p"; its id is the service's name. */
export function container(
  service: string,
  more: Partial<Container> = {},
  dependsOn: readonly string[] = [],
): Container {
  return {
    id: service,
    name: service,
    image: "app:1",
    state: "running",
    startedAt: "2026-01-01T00:00:00Z",
    exitCode: 0,
    health: "none",
    probing: undefined,
    autoRemove: false,
    stopTimeoutMs: undefined,
    livesIn: [],
    leansOn: [],
    mountPoints: [],
    mounts: [],
    upperFolder: undefined,
    aliases: [],
    ...more,
    labels: {
      "com.docker.compose.project": "p",
      "com.docker.compose.service": service,
      "com.docker.compose.depends_on": dependsOn.map((name) => `${name}:service_healthy:true`).join(","),
      ...more.labels,
    },
  };
}

export function survey(all: readonly Container[], own?: Container): Survey {
  return { all, scope: all.filter((one) => one !== own), oneOffs: [], own, warnings: [] };
}
