import { realpath, stat } from "node:fs/promises";
import { isSystemError } from "../../system/files.ts";
import type { Tools } from "../conduct/tools.ts";
import type { Job } from "./job.ts";
import type { Layout } from "./layout.ts";
import { identityOf } from "./paths.ts";

/** What the work on files must know, for the shares of a layout. */
export async function makeJob(runId: string, { shares, unknown }: Layout, tools: Tools): Promise<Job> {
  const { config } = tools;
  const all = [...shares.map(({ place }) => place), ...unknown];
  return {
    runId,
    stateFolder: await realpath(config.state),
    places: shares.map(({ place: { folder, path, kind, identity }, only }) => ({
      folder,
      path,
      kind,
      identity,
      only: only && [...only],
      nested: all
        .filter((other) => other.folder.startsWith(folder === "/" ? "/" : `${folder}/`))
        .map((other) => Buffer.from(other.folder.slice(folder.length + 1)).toString("latin1")),
    })),
    exclude: [...config.exclude],
    excludeRegexp: config.excludeRegexp
      ? { source: config.excludeRegexp.source, flags: config.excludeRegexp.flags }
      : null,
    never: [...(await ownFolders(tools))],
  };
}

/** Folders of this program that no restore may touch, by device and inode: they have many names. */
export async function ownFolders({ config }: Tools): Promise<ReadonlySet<string>> {
  const own = [config.state, ...config.targets.flatMap((target) => (target.kind === "local" ? [target.folder] : []))];
  const found = new Set<string>();
  for (const folder of own) {
    try {
      found.add(identityOf(await stat(folder)));
    } catch (error) {
      if (!isSystemError(error, "ENOENT")) throw error;
    }
  }
  return found;
}
