import { LifeboatError } from "../../../errors.ts";
import { MAX_PATIENCE_MS } from "../../../sources/postgres/patience.ts";
import { requireRunning } from "../../../sources/postgres/in-container.ts";
import type { PostgresServer } from "../../../sources/postgres/server.ts";
import type { Tools } from "../../conduct/tools.ts";

/**
 * The servers of those names, as they were called when they were saved. Rejects if one of them is not to be found, or
 * does not run.
 */
export async function serversOf(
  names: ReadonlySet<string>,
  tools: Pick<Tools, "findPostgres">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PostgresServer>> {
  const all = await tools.findPostgres(signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new LifeboatError("failed", "the PostgreSQL servers of this backup cannot be found", {
      cause,
      hint: "Start the server (docker compose up -d), or leave its databases out: name with --only what shall be restored.",
    });
  });
  const found = new Map(all.filter(({ name }) => names.has(name)).map((server) => [server.name, server]));
  for (const name of names) {
    const server = found.get(name);
    if (!server) throw unknown(name, all);
    requireRunning(server);
  }
  return found;
}

/** What the engine may know a server by: its container, else its host. */
export function whereabouts({ name, container, host }: PostgresServer): string {
  return container ?? host ?? name;
}

/** Of the servers of databases that are written down. One that cannot be found is given by its name. Never rejects. */
export async function whereaboutsOf(
  databases: readonly { readonly server: string }[],
  tools: Pick<Tools, "findPostgres">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names = new Set(databases.map(({ server }) => server));
  if (names.size === 0) return [];
  const all = await tools.findPostgres(signal).catch(() => []);
  return [...names].map((name) => {
    const server = all.find((one) => one.name === name);
    return server ? whereabouts(server) : name;
  });
}

function unknown(name: string, all: readonly PostgresServer[]): LifeboatError {
  const others = all.map((server) => `'${server.name}'`).join(", ");
  return new LifeboatError("failed", `the backup has databases of PostgreSQL server '${name}', which is not there`, {
    hint:
      `${others === "" ? "There is none" : `There is ${others}`}. Its name is its compose service, or its host in ` +
      `BACKUP_POSTGRES. Or leave its databases out: name with --only what shall be restored. Nothing was touched.`,
  });
}

/** As `serversOf`, for what must be ended: a server that is still starting is waited for. */
export async function serversAtLast(
  names: ReadonlySet<string>,
  tools: Pick<Tools, "findPostgres" | "clock">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PostgresServer>> {
  const until = tools.clock.elapsedMs() + MAX_PATIENCE_MS;
  for (;;) {
    try {
      return await serversOf(names, tools, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (tools.clock.elapsedMs() > until) throw error;
    }
    await tools.clock.sleep(1000, signal);
  }
}
