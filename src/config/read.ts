import type { Config } from "./config.ts";
import { gatherSettings, type Environment, type Given } from "./environment.ts";
import { decodeSettings, refuseUseless, type Findings } from "./findings.ts";
import { SettingsError } from "./problems.ts";
import { readEncryption, readPrivateKeys, requireEncryption, requireTypeable } from "./read-encryption.ts";
import { readPostgres } from "./read-postgres.ts";
import { readRowSets } from "./read-row-sets.ts";
import { readExcludes, requireSources } from "./read-sources.ts";
import { readTargets, requireTarget } from "./read-targets.ts";
import type { SettingName } from "./settings.ts";

/** What the reading of settings may find out about the machine. */
export interface World {
  /** Throws when the file cannot be read. */
  readFile(path: string): string;
  exists(path: string): boolean;
  readonly hostName: string;
  /** Of the sidecar's own container, if it is known. */
  readonly composeProject?: string;
}

/**
 * What the settings are for, which decides what must be there. "backup": everything. "restore" (also list, verify,
 * prune): the targets; on a new machine there may be nothing to save yet, and only a private key. "decrypt" and
 * "health": no target.
 */
export type Purpose = "backup" | "restore" | "decrypt" | "health";

export interface ReadSettings {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** The text of every setting that was given, for `lifeboat config`. */
  readonly given: ReadonlyMap<SettingName, Given>;
}

/** Makes the Config of an environment. Throws SettingsError with every problem there is. Empty is unset. */
export function readSettings(env: Environment, world: World, purpose: Purpose = "backup"): ReadSettings {
  const gathered = gatherSettings(env, (path) => world.readFile(path));
  const problems = [...gathered.problems];
  const warnings = [...gathered.warnings];
  const findings = decodeSettings(gathered, problems, warnings);
  const exists = (path: string) => world.exists(path);
  const targets = readTargets(findings, env, exists);
  if (purpose === "backup") {
    requireSources(findings, exists);
    requireEncryption(findings);
    requireTypeable(findings);
  }
  if (purpose === "backup" || purpose === "restore") requireTarget(findings, targets);
  const postgres = readPostgres(findings, exists);
  const rowSets = readRowSets(env, (path) => world.readFile(path), problems);
  const config = { ...assemble(findings, targets, world, purpose), ...postgres, rowSets };
  if (problems.length > 0) throw new SettingsError(withoutDoubles(problems), warnings);
  return { config, warnings, given: gathered.given };
}

function assemble(
  findings: Findings,
  targets: Config["targets"],
  world: World,
  purpose: Purpose,
): Omit<Config, "postgres" | "postgresPhysical" | "postgresTimeoutMs" | "rowSets"> {
  const { values } = findings;
  const { BACKUP_RETENTION_DAYS: retentionDays, BACKUP_FULL_CRON_EXPRESSION: fullCronExpression } = values;
  return {
    name: readName(findings, world, purpose),
    sources: values.BACKUP_SOURCES,
    ...readExcludes(findings),
    sqlite: values.BACKUP_SQLITE,
    sqliteTimeoutMs: values.BACKUP_SQLITE_TIMEOUT,
    state: values.BACKUP_STATE,
    compression: readCompression(findings),
    encryption: readEncryption(findings),
    ...readPrivateKeys(findings),
    signers: values.BACKUP_SIGNER ?? [],
    targets,
    ...(retentionDays === undefined ? {} : { retentionDays }),
    schedule: {
      cronExpression: values.BACKUP_CRON_EXPRESSION,
      ...(fullCronExpression === undefined ? {} : { fullCronExpression }),
      timeZone: values.TZ,
      onStart: values.BACKUP_ON_START,
      jitterMs: values.BACKUP_JITTER,
    },
    docker: readDocker(findings, world),
    lockTimeoutMs: values.LOCK_TIMEOUT,
    log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT },
    color: values.NO_COLOR === undefined,
  };
}

function readName({ values, isGiven, complain }: Findings, world: World, purpose: Purpose): string {
  if (isGiven("BACKUP_NAME") || purpose === "decrypt" || purpose === "health")
    return values.BACKUP_NAME ?? world.hostName;
  if (world.composeProject !== undefined) return world.composeProject;
  const right = "a name of its own for each stack, such as BACKUP_NAME=barycenter";
  if (/^[0-9a-f]{12}$/.test(world.hostName)) {
    const problem = `is not set, and the host name '${world.hostName}' is a container's id, which changes with every new container`;
    complain("BACKUP_NAME", problem, right);
  } else if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(world.hostName)) {
    complain("BACKUP_NAME", `is not set, and the host name '${world.hostName}' will not do`, right);
  }
  return world.hostName;
}

function readCompression(findings: Findings): Config["compression"] {
  const { values, complain } = findings;
  const kind = values.BACKUP_COMPRESSION;
  const level = values.BACKUP_COMPRESSION_LEVEL;
  if (kind === "none") {
    refuseUseless(findings, ["BACKUP_COMPRESSION_LEVEL"], "with BACKUP_COMPRESSION=none", "one of the two");
    return { kind, level: 0 };
  }
  if (kind === "gz" && (level ?? 0) > 9) complain("BACKUP_COMPRESSION_LEVEL", "is out of range for gz", "1 to 9");
  return { kind, level: level ?? { zst: 3, gz: 6 }[kind] };
}

const DEFAULT_SOCKET = "/var/run/docker.sock";

function readDocker({ values, complain }: Findings, world: World): Config["docker"] {
  const project = values.BACKUP_DOCKER_PROJECT ?? "own-project";
  if (project === "none") return { project };
  const host = values.DOCKER_HOST ?? (world.exists(DEFAULT_SOCKET) ? `unix://${DEFAULT_SOCKET}` : undefined);
  const socket = values.DOCKER_HOST?.startsWith("unix://") ? values.DOCKER_HOST.slice("unix://".length) : undefined;
  if (socket !== undefined && !world.exists(socket)) {
    complain(
      "DOCKER_HOST",
      `'${socket}' does not exist`,
      "the engine's socket mounted at that path, or without DOCKER_HOST",
    );
  }
  return { ...(host === undefined ? {} : { host }), project };
}

/** A name that is refused for itself and by a rule it breaks is told once for each reason, not twice for one. */
function withoutDoubles<T extends { readonly name: string; readonly problem: string }>(
  problems: readonly T[],
): readonly T[] {
  return problems.filter((one, at) => {
    return problems.findIndex((other) => other.name === one.name && other.problem === one.problem) === at;
  });
}
