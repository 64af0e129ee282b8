import { readlink, realpath } from "node:fs/promises";
import { resolve } from "node:path";

/**
 * Where the symlink at the top of `root` (a real path) leads to, as it says, if that is outside: what is there is not
 * saved, and in the place of a volume that is not meant. What only a running system has (/dev, /proc, /sys) is no loss.
 */
export async function leadsOutOf(root: string, link: Buffer): Promise<string | undefined> {
  const target = await readlink(link).catch(() => undefined); // Gone since it was looked at.
  if (target === undefined) return undefined;
  // In a container what the host has there is missing: then only the words of the link tell.
  const path = await realpath(link).catch(() => resolve(root, target));
  return [root, "/dev", "/proc", "/sys"].some((folder) => path === folder || path.startsWith(`${folder}/`))
    ? undefined
    : target;
}
