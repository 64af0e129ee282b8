import { surveyPhysical } from "../../sources/postgres/physical/survey.ts";
import { surveyPostgres } from "../../sources/postgres/survey.ts";
import type { Tools } from "../conduct/tools.ts";

/** A PostgreSQL server that a backup would copy. */
export interface ServerAhead {
  readonly server: string;
  /** Empty for a whole server. */
  readonly databases: readonly string[];
  readonly sizeBytes: number;
  /** Completes "saved …". */
  readonly how: string;
}

/** A server that is starting gets this long here; a backup waits longer. */
const PATIENCE_MS = 15_000;

/** Asks every server what it holds. Rejects if one of them cannot be copied now. */
export async function lookAtServers(tools: Tools, signal: AbortSignal): Promise<readonly ServerAhead[]> {
  const { config, clock, physicalServers } = tools;
  const options = { timeoutMs: Math.min(config.postgresTimeoutMs, PATIENCE_MS), clock };
  const dumped = await surveyPostgres(await tools.findPostgres(signal), options, signal);
  const whole = await surveyPhysical(physicalServers, options, signal);
  return [
    ...dumped.map(({ server, databases, sizeBytes }) => ({
      server: server.name,
      databases,
      sizeBytes,
      how: server.container === undefined ? "by pg_dump" : `by pg_dump in container '${server.container}'`,
    })),
    ...whole.map(({ server, sizeBytes }) => ({
      server: server.name,
      databases: [],
      sizeBytes,
      how: "as a whole server, by pg_basebackup",
    })),
  ];
}
