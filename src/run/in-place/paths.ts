import type { BigIntStats, Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { isSystemError } from "../../system/files.ts";
import type { Attributes } from "./job.ts";

/** `folder` (text) and a path below it (bytes as characters) as the bytes the system wants. */
export function at(folder: string, path: string): Buffer {
  return path === "" ? Buffer.from(folder) : Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, "latin1")]);
}

export function below(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}

export function isAtOrBelow(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}

/** Undefined if there is nothing at that path. Not followed. */
export async function look(path: Buffer | string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Undefined if there is nothing at that path. Not followed. */
export async function attributesOf(path: Buffer | string): Promise<Attributes | undefined> {
  try {
    const { uid, gid, mode, atimeNs, mtimeNs } = await lstat(path, { bigint: true });
    const times = { atimeNs: atimeNs.toString(), mtimeNs: mtimeNs.toString() };
    return { uid: Number(uid), gid: Number(gid), mode: Number(mode & 0o7777n), ...times };
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

export function identityOf({ dev, ino }: Stats | BigIntStats): string {
  return `${dev}:${ino}`;
}
