import { rename } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { printable, type ByteString } from "../../sources/names.ts";
import { syncFolder } from "../../system/files.ts";
import { at, identityOf, look } from "./paths.ts";

/**
 * Rejects with "usage" unless `path` below `folder` is free, in a folder that is there, with no symlink on the way and
 * none of our own folders.
 */
export async function requireNewName(folder: string, path: ByteString, never: readonly string[]): Promise<void> {
  const wrong = (message: string, hint: string) =>
    new LifeboatError("usage", `nothing can be put to '${printable(path)}': ${message}`, {
      hint: `${hint} Nothing was touched.`,
    });
  const names = path.split("/");
  for (const depth of names.keys()) {
    const parent = names.slice(0, depth).join("/");
    const stats = await look(at(folder, parent));
    if (!stats?.isDirectory()) {
      throw wrong(`'${printable(parent)}' is not a folder`, "Give a name in a folder that is there now.");
    }
    if (never.includes(identityOf(stats))) throw wrong("it is in a folder of Lifeboat's own", "Give another one.");
  }
  if (await look(at(folder, path))) throw wrong("it is there already", "Give a name that is free.");
}

/** Lets `from` appear as `path` below `folder`, by one rename on one mount. Rejects as `requireNewName`. */
export async function putToNewName(
  from: Buffer,
  folder: string,
  path: ByteString,
  never: readonly string[],
): Promise<void> {
  await requireNewName(folder, path, never);
  await rename(from, at(folder, path));
  await syncFolder(at(folder, path.split("/").slice(0, -1).join("/")));
}
