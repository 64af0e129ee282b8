import type { ContainerCreateOptions, ContainerInspectInfo } from "dockerode";
import { LifeboatError } from "../../errors.ts";
import { engineOver } from "../../quiesce/engine.ts";
import { findOwnContainer, readWhereabouts } from "../../quiesce/own-container.ts";
import { HELPER_LABEL } from "../../quiesce/writers.ts";
import type { DockerConnection } from "../../system/docker.ts";
import { failpointEnvironment } from "../../system/failpoint.ts";

/** What a helper inherits from the container this program runs in. */
export interface OwnMounts {
  readonly image: string;
  readonly mounts: ContainerInspectInfo["Mounts"];
}

/** Undefined when this program runs in no container of the engine. */
export async function findOwnMounts(docker: DockerConnection, signal: AbortSignal): Promise<OwnMounts | undefined> {
  const own = await findOwnContainer(engineOver(docker), await readWhereabouts(), signal);
  if (!own) return undefined;
  const found = await docker.call(
    "inspect lifeboat's own container",
    CALL_MS,
    (engine, abortSignal) => engine.getContainer(own.id).inspect({ abortSignal }),
    signal,
  );
  return { image: found.Image, mounts: found.Mounts };
}

const CALL_MS = 60_000;

export interface HelperOptions {
  readonly runId: string;
  readonly folders: readonly string[];
  readonly stateFolder: string;
  /** By which it reaches this process. */
  readonly socket: string;
}

/** Starts the helper of a run, after taking away one that a dead process left. Resolves with its id. */
export async function startHelper(
  docker: DockerConnection,
  options: HelperOptions,
  signal: AbortSignal,
): Promise<string> {
  const own = await findOwnMounts(docker, signal);
  if (!own) throw new LifeboatError("failed", "lifeboat's own container cannot be found on this engine");
  await removeHelpers(docker, options.runId, signal);
  const container = await docker.call(
    "make a helper container",
    CALL_MS,
    (engine, abortSignal) => engine.createContainer({ ...descriptionOf(own, options), abortSignal }),
    signal,
  );
  await docker.call("start a helper container", CALL_MS, () => container.start(), signal);
  return container.id;
}

/** Takes away every helper of that run, so that nobody but us works on its files. */
export async function removeHelpers(docker: DockerConnection, runId: string, signal: AbortSignal): Promise<void> {
  const left = await docker.call(
    "list helper containers",
    CALL_MS,
    (engine, abortSignal) =>
      engine.listContainers({ all: true, filters: { label: [`${HELPER_LABEL}=${runId}`] }, abortSignal }),
    signal,
  );
  for (const { Id } of left) {
    const removing = docker.call(
      "remove a helper container",
      CALL_MS,
      (engine, abortSignal) => engine.getContainer(Id).remove({ force: true, abortSignal }),
      signal,
    );
    await removing.catch((error: unknown) => {
      // 404, 409: it removes itself at its end, and was about to.
      if (![404, 409].includes((error as { statusCode?: number }).statusCode ?? 0)) throw error;
    });
  }
}

/** What the work takes: to read and give away any file there, set-group-id bits included. No network, no socket. */
const CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID"];

function descriptionOf({ image, mounts }: OwnMounts, options: HelperOptions): ContainerCreateOptions {
  const { runId, folders, stateFolder, socket } = options;
  const holding = (folder: string) =>
    mounts.filter(({ Destination }) => isAtOrBelow(folder, Destination)).sort(byDepth)[0];
  const state = holding(stateFolder);
  if (!state) {
    throw new LifeboatError("failed", `the state folder '${stateFolder}' is on no mount`, {
      hint: "Mount a volume there (BACKUP_STATE); a restore in place needs it to survive everything.",
    });
  }
  const wanted = new Set([...folders.map(holding), state].filter((mount) => mount !== undefined));
  return {
    Image: image,
    Entrypoint: ["tini", "--", "lifeboat", "in-place-helper"],
    Cmd: [socket],
    User: "0:0",
    Env: ["NODE_ENV=production", "TINI_SUBREAPER=1", ...failpointEnvironment()],
    Labels: { [HELPER_LABEL]: runId },
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      AutoRemove: true,
      NetworkMode: "none",
      CapDrop: ["ALL"],
      CapAdd: CAPABILITIES,
      SecurityOpt: ["no-new-privileges:true"],
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "" },
      Mounts: [...wanted].map((mount) => ({
        Target: mount.Destination,
        Source: (mount.Type === "volume" ? mount.Name : mount.Source) ?? mount.Source,
        Type: mount.Type === "volume" ? ("volume" as const) : ("bind" as const),
        ReadOnly: false,
        ...(mount.Type === "volume"
          ? { VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "", Options: {} } } }
          : {}),
      })),
    },
  };
}

function byDepth(a: { Destination: string }, b: { Destination: string }): number {
  return b.Destination.length - a.Destination.length;
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
