import type { OpeningKeys } from "../../archive/format.ts";
import type { Config } from "../../config/config.ts";
import type { Quiescer } from "../../quiesce/quiescer.ts";
import type { Progress } from "../../report/progress.ts";
import type { PhysicalServer, PostgresServer } from "../../sources/postgres/server.ts";
import type { Clock } from "../../system/clock.ts";
import type { DockerConnection } from "../../system/docker.ts";
import type { Log } from "../../system/log.ts";
import type { Target } from "../../targets/target.ts";

/** What every recipe is given. Put together in assemble.ts. */
export interface Tools {
  readonly config: Config;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly progress: Progress;
  readonly targets: readonly Target[];
  readonly quiescer: Quiescer;
  /** Undefined without a Docker socket. */
  readonly docker: DockerConnection | undefined;
  /** The PostgreSQL servers of the settings, and those in labelled containers, also where these are at rest. */
  readonly findPostgres: (signal: AbortSignal) => Promise<readonly PostgresServer[]>;
  /** Those of which base backups are taken. */
  readonly physicalServers: readonly PhysicalServer[];
  /** What can open this operator's backups, from the settings. */
  readonly keys: OpeningKeys;
  /** True if a person reads the report on the very terminal that has the log: what failed is told there, once. */
  readonly showsReport?: boolean;
}
