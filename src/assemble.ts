import type { Readable, Writable } from "node:stream";
import type { OpeningKeys } from "./archive/format.ts";
import { knownSigner } from "./archive/receipt.ts";
import type { Config } from "./config/config.ts";
import { readSettings, type Purpose, type ReadSettings } from "./config/read.ts";
import { createQuiescer } from "./quiesce/docker-quiescer.ts";
import { findPostgresContainers } from "./quiesce/postgres-containers.ts";
import { createLog } from "./report/log.ts";
import { loggedProgress, terminalProgress } from "./report/progress.ts";
import type { Look } from "./report/table.ts";
import type { Tools } from "./run/conduct/tools.ts";
import { physicalServerByUrl, serverByUrl } from "./sources/postgres/by-url.ts";
import { serverInContainer } from "./sources/postgres/in-container.ts";
import { systemClock } from "./system/clock.ts";
import { connectDocker } from "./system/docker.ts";
import { openTargets } from "./targets/open.ts";
import { version } from "./version.ts";
import { worldOf } from "./world.ts";

/** What the program may touch of the process it runs in. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined where nobody can be asked. */
  readonly stdin?: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborted with Interrupted when the process is asked to end. */
  readonly signal: AbortSignal;
}

/** Everything a command needs, put together from the environment. */
export interface Assembled extends Tools {
  readonly settings: ReadSettings;
  /** How text on stdout is to look. */
  readonly look: Look;
}

/** Rejects with every problem of the settings at once; nothing is touched before that. */
export async function assemble({ env, stdout, stderr, signal }: Surroundings, purpose: Purpose): Promise<Assembled> {
  const settings = readSettings(env, await worldOf(env, signal), purpose);
  const { config } = settings;
  const clock = systemClock;
  const terminal = stderr.isTTY ? terminalProgress(stderr) : undefined;
  const log = createLog({
    ...config.log,
    color: config.color && stderr.isTTY === true,
    stream: terminal?.lines ?? stderr,
    timeZone: config.schedule.timeZone,
  });
  for (const warning of settings.warnings) log.warn(warning);
  const docker = config.docker.host === undefined ? undefined : connectDocker(config.docker.host);
  const quiescer = createQuiescer({
    docker,
    stateFolder: config.state,
    project: config.docker.project,
    sourcesFolder: config.sources,
    log,
    clock,
  });
  return {
    settings,
    config,
    version,
    clock,
    log,
    progress: terminal ?? loggedProgress(log, clock),
    // On the state volume: a server without a shell needs room for a whole archive to prove it.
    targets: openTargets(config.targets, { clock, log, runFolder: config.state }),
    quiescer,
    docker,
    findPostgres: async (until) => {
      const { project } = config.docker;
      const containers = docker ? await findPostgresContainers(docker, project, clock, until) : [];
      return [...config.postgres.map(serverByUrl), ...containers.map(serverInContainer)];
    },
    physicalServers: config.postgresPhysical.map(physicalServerByUrl),
    keys: await openingKeys(config),
    look: { color: config.color && stdout.isTTY === true, timeZone: config.schedule.timeZone },
  };
}

async function openingKeys({
  encryption,
  privateKeys,
  privateKeyPassphrase,
  signers,
  state,
}: Config): Promise<OpeningKeys> {
  const own = await knownSigner(state);
  return {
    signers: own === undefined ? signers : [...signers, own],
    expectEncrypted: encryption.kind !== "none" || privateKeys.length > 0,
    ...(encryption.kind === "passphrase" ? { passphrase: encryption.passphrase } : {}),
    ...(privateKeys.length > 0 ? { privateKeys } : {}),
    ...(privateKeyPassphrase ? { privateKeyPassphrase } : {}),
  };
}
