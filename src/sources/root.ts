import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../errors.ts";
import { isSystemError } from "../system/files.ts";

/** The root's real path, once it is certain that walking below it makes sense. */
export async function checkedRoot(root: string): Promise<string> {
  const path = await realpath(root).catch((cause: unknown) => {
    const why = isSystemError(cause, "ENOENT") ? "does not exist" : "cannot be reached";
    throw new LifeboatError("failed", `the folder to save, '${root}', ${why}`, { cause, hint: MOUNT_HINT });
  });
  if (!(await stat(path)).isDirectory()) {
    throw new LifeboatError("failed", `what is to be saved, '${root}', is not a folder`, { hint: MOUNT_HINT });
  }
  const names = await namesIn(path, root);
  if (path === "/" || SYSTEM_FOLDERS.every((name) => names.has(name))) {
    throw new LifeboatError("failed", `'${root}' is a whole system, not a stack's data`, { hint: MOUNT_HINT });
  }
  if (names.has("docker.sock") && (await lstat(join(path, "docker.sock"))).isSocket()) {
    throw new LifeboatError("failed", `'${root}' holds the Docker socket, so it is not a stack's data`, {
      hint: "Mount the socket at /var/run/docker.sock, and only the stack's volumes below the folder to save.",
    });
  }
  return path;
}

const MOUNT_HINT = "Mount each volume that is to be saved below it, read-only: '- data:/backup/data:ro'.";
const SYSTEM_FOLDERS = ["dev", "etc", "proc", "sys", "usr"];

async function namesIn(path: string, root: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(path, { encoding: "latin1" }));
  } catch (cause) {
    throw new LifeboatError("failed", `the folder to save, '${root}', cannot be read`, {
      cause,
      hint: "Run the sidecar as a user who may read it, or as root with the capability DAC_READ_SEARCH.",
    });
  }
}

/** One and the same folder has one identity under all its mounts and names. */
export type FolderIdentity = string;

export function identityOf(stats: { readonly dev: number; readonly ino: number }): FolderIdentity {
  return `${stats.dev}:${stats.ino}`;
}

/** Folders that do not exist (yet) have none. */
export async function identitiesOf(folders: readonly string[]): Promise<ReadonlySet<FolderIdentity>> {
  const identities = new Set<FolderIdentity>();
  for (const folder of folders) {
    try {
      identities.add(identityOf(await stat(folder)));
    } catch (error) {
      if (!isSystemError(error, "ENOENT", "ENOTDIR")) {
        throw new LifeboatError("failed", `the own folder '${folder}' cannot be looked at`, { cause: error });
      }
    }
  }
  return identities;
}
