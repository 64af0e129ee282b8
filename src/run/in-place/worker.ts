import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { hasCapabilities } from "../../system/capabilities.ts";
import type { Tools } from "../conduct/tools.ts";
import { directWork, type FileWork } from "./file-work.ts";
import { findOwnMounts } from "./helper-container.ts";
import { openHelper } from "./helper-work.ts";
import type { Job } from "./job.ts";
import type { Layout } from "./layout.ts";
import type { Place } from "./places.ts";

export interface Worker {
  readonly kind: "direct" | "helper";
  open(): Promise<FileWork>;
}

/**
 * This process where it may write to every place; else a helper container. Rejects, naming the mounts it would need,
 * when neither can be.
 */
export async function chooseWorker(job: Job, { shares }: Layout, tools: Tools, signal: AbortSignal): Promise<Worker> {
  const places = shares.map(({ place }) => place);
  if (places.length === 0) return workerOf(false, job, tools, signal);
  const obstacles = (await Promise.all(places.map(obstacleOf))).filter((one) => one !== undefined);
  if (obstacles.length === 0 && (await mayGiveAway())) return workerOf(false, job, tools, signal);
  const own = tools.docker && (await findOwnMounts(tools.docker, signal));
  if (own) return workerOf(true, job, tools, signal);
  throw new LifeboatError(
    "failed",
    obstacles[0] ?? "files cannot be given to other users here (CAP_CHOWN is missing)",
    {
      hint:
        `Mount these writable, with the capabilities CHOWN, DAC_OVERRIDE and FOWNER: ` +
        `${places.map(({ folder }) => folder).join(", ")}; or mount the Docker socket, and a helper container does it. ` +
        `Nothing was touched.`,
    },
  );
}

function workerOf(byHelper: boolean, job: Job, tools: Tools, signal: AbortSignal): Worker {
  return { kind: byHelper ? "helper" : "direct", open: () => openWorker(byHelper, job, tools, signal) };
}

/** The same kind of worker again, for what it began. */
export async function openWorker(
  byHelper: boolean,
  job: Job,
  { docker }: Tools,
  signal: AbortSignal,
): Promise<FileWork> {
  if (!byHelper) return directWork(job);
  if (docker) return await openHelper(job, docker, signal);
  throw new LifeboatError("failed", "a helper container must end a restore, but there is no Docker socket", {
    hint: "Mount the socket again; the restore is ended at the next start.",
  });
}

async function obstacleOf({ folder, readOnly }: Place): Promise<string | undefined> {
  if (readOnly) return `'${folder}' is mounted read-only`;
  try {
    await access(folder, constants.W_OK);
    return undefined;
  } catch {
    return `'${folder}' may not be written to`;
  }
}

/** Root without CAP_CHOWN could write, but all would belong to root. Other users keep what is theirs. */
async function mayGiveAway(): Promise<boolean> {
  return process.getuid?.() !== 0 || (await hasCapabilities("CHOWN"));
}
