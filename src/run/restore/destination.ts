import { existsSync } from "node:fs";
import { realpath, rm } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { readIndex } from "../../archive/index-file.ts";
import type { Config } from "../../config/config.ts";
import { LifeboatError } from "../../errors.ts";
import { byteStringOf, type ByteString } from "../../sources/names.ts";
import { hasCapabilities } from "../../system/capabilities.ts";
import { isSystemError } from "../../system/files.ts";
import { mountOf } from "../../system/mounts.ts";
import { fetchIndex } from "../catalogue/fetch.ts";
import type { Found } from "../catalogue/find.ts";
import { shownMember } from "../catalogue/paths.ts";
import type { Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";
import { makeQuarantine, requireEmpty } from "./publish.ts";

/**
 * The folder to restore to, where it may be, and can be written: an absolute path, empty or not there yet, not among
 * our own files, and not in the container's own layer. Rejects with "usage", or "failed" where it cannot be written.
 */
export async function requireDestination(given: string, config: Config): Promise<string> {
  if (!isAbsolute(given)) {
    throw new LifeboatError("usage", `'${given}' is no absolute path`, {
      hint: `Relative to what, in a container? ${MOUNT_ONE}`,
    });
  }
  const to = resolve(given);
  const real = await realOf(to);
  for (const [setting, folder] of ownFolders(config)) {
    const own = await realOf(folder);
    if (real === own && setting === "BACKUP_SOURCES") continue; // On a new machine there may be nothing there yet.
    if (real === own || real.startsWith(`${own}/`)) {
      throw new LifeboatError("usage", `cannot restore to '${to}', which is in ${setting} ('${folder}')`, {
        hint: `Restored files would be mixed up with what is kept there, or be saved again. ${MOUNT_ONE}`,
      });
    }
  }
  await requireEmpty(to);
  if (await isOwnLayer(real)) {
    throw new LifeboatError("usage", `'${to}' is in the container itself, and would go with it`, { hint: MOUNT_ONE });
  }
  await rm(await makeQuarantine(to), { recursive: true });
  return to;
}

/**
 * Rejects if the owners of what is restored cannot be set here, as far as the index says who they are: root without
 * the capability to give files away. Any other user keeps all files.
 */
export async function requireOwners(
  found: Found,
  only: readonly ByteString[] | undefined,
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  if (process.getuid?.() !== 0 || (await hasCapabilities("CHOWN", "FOWNER"))) return;
  const index = await fetchIndex(found, spool, tools, signal);
  for await (const { path, uid, gid } of readIndex(index, tools.keys, signal)) {
    if ((uid === 0 && gid === 0) || !isWanted(path, only)) continue;
    throw new LifeboatError(
      "failed",
      `the files cannot be given to their owners: '${shownMember(path)}' is ${uid}:${gid}`,
      {
        hint:
          "Nothing was fetched. In a container that dropped its capabilities, add CHOWN, DAC_OVERRIDE and FOWNER for the " +
          "restore (docker compose run --cap-add …), or restore as the user whose files they are.",
      },
    );
  }
  await rm(index);
}

const MOUNT_ONE =
  "Mount a folder of the host and restore into it: docker compose run --rm --cap-add CHOWN --cap-add DAC_OVERRIDE " +
  '--cap-add FOWNER --volume "$PWD/restored:/restored" backup restore latest --to /restored/today';

function ownFolders({ state, sources, targets }: Config): readonly (readonly [string, string])[] {
  const local = targets.filter((target) => target.kind === "local");
  return [
    ["BACKUP_STATE", state],
    ...local.map(({ folder }) => ["BACKUP_ARCHIVE", folder] as const),
    ["BACKUP_SOURCES", sources],
  ];
}

/** Where the program lies in its image. */
const HOME_IN_IMAGE = "/opt/lifeboat";

/** True in the sidecar's container for what is on no mount. */
async function isOwnLayer(real: string): Promise<boolean> {
  const mount = existsSync(HOME_IN_IMAGE) ? await mountOf(real) : undefined;
  return mount?.point === "/" && mount.type === "overlay";
}

/** The real path of what may not be there yet. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isSystemError(error, "ENOENT") || path === "/") return path;
    return join(await realOf(dirname(path)), path.slice(dirname(path).length));
  }
}

function isWanted(path: Buffer, only: readonly ByteString[] | undefined): boolean {
  const below = byteStringOf(path.subarray("backup/".length));
  return !only || only.some((wanted) => `${below}/`.startsWith(`${wanted}/`));
}
