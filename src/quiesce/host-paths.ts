import type { Container } from "./container.ts";

/** What lies behind a folder on the engine's host: the mount it is in, if this program runs in a container. */
export function hostPath(folder: string, own: Container | undefined): string {
  const around = own?.mounts
    .filter(({ destination }) => isAtOrBelow(folder, destination))
    .sort((a, b) => b.destination.length - a.destination.length)[0];
  return around ? `${around.source}${folder.slice(around.destination.length)}` : folder;
}

export function overlap(one: string, other: string): boolean {
  return isAtOrBelow(one, other) || isAtOrBelow(other, one);
}

export function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
