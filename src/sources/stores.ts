import { lstat } from "node:fs/promises";
import { isSystemError } from "../system/files.ts";
import type { ByteString } from "./names.ts";
import { readSqliteHeader, SIDE_FILES } from "./sqlite/header.ts";
import { ENCRYPTED_SQLITE, STORE_KINDS, type StoreKind } from "./store-kinds.ts";

/** Files that their own program may be writing to, found below the root. */
export interface FoundStore {
  /** Of its folder, or of the file itself; relative to the root, empty for the root itself. */
  readonly path: ByteString;
  readonly form: "folder" | "file";
  readonly program: string;
}

/** Where the names of a folder lie. */
export interface Place {
  /** Relative to the root; empty for the root itself. */
  readonly folder: ByteString;
  readonly pathOf: (path: ByteString) => Buffer;
  /** What is left out is no part of a store. */
  readonly isExcluded: (path: ByteString) => boolean;
}

/** The store that a folder with these names is, if it is one. */
export async function storeOf(names: readonly ByteString[], place: Place): Promise<FoundStore | undefined> {
  const { folder, isExcluded } = place;
  const present = new Map<string | RegExp, ByteString>();
  for (const name of names) {
    if (WORDS.has(name)) present.set(name, name);
    for (const pattern of PATTERNS) if (pattern.test(name)) present.set(pattern, name);
  }
  for (const { program, marks } of STORE_KINDS) {
    const found = marks.filter((mark) => !isDeep(mark)).map((mark) => present.get(mark));
    if (found.some((name) => name === undefined || isExcluded(below(folder, name)))) continue;
    const deep = await Promise.all(marks.filter(isDeep).map((mark) => isThere(place.pathOf(below(folder, mark)))));
    if (deep.every(Boolean)) return { path: folder, form: "folder", program };
  }
  return undefined;
}

/** The files among these names that lie beside side files of SQLite's, but have no header of it. */
export async function encryptedIn(names: readonly ByteString[], place: Place): Promise<readonly FoundStore[]> {
  const bases = new Set(names.flatMap((name) => baseOf(name) ?? []));
  if (bases.size === 0) return [];
  const found: FoundStore[] = [];
  for (const name of names) {
    const path = below(place.folder, name);
    if (!bases.has(name) || place.isExcluded(path)) continue;
    if (await isWithoutHeader(place.pathOf(path))) found.push({ path, form: "file", program: ENCRYPTED_SQLITE });
  }
  return found;
}

/** "open": its program runs, or was killed. "closed": nothing runs. "untold": the files do not tell. */
export type StoreSign = "open" | "closed" | "untold";

/** What the files of a store say now of whether its program runs. */
export async function signOf(store: FoundStore, pathOf: Place["pathOf"]): Promise<StoreSign> {
  try {
    return await readSign(store, pathOf);
  } catch {
    return "untold"; // What cannot be looked at cannot be read either, and is told there.
  }
}

async function readSign({ path, form, program }: FoundStore, pathOf: Place["pathOf"]): Promise<StoreSign> {
  const size = (name: string) => sizeOf(pathOf(form === "file" ? `${path}${name}` : below(path, name)));
  if (form === "file") {
    const [wal, shm] = await Promise.all([size("-wal"), size("-shm")]);
    return (wal ?? shm) === undefined ? "untold" : "open";
  }
  const { open, copy } = kindOf(program) ?? {};
  const seen = open && (await size(open.name));
  if (open && seen !== undefined && (open.by === "file" || seen > 0)) return "open";
  if (open?.isSure || (copy !== undefined && (await size(copy)) !== undefined)) return "closed";
  return "untold";
}

/** The name of what is in a store's folder while its program runs, as far as there is one. */
export function openSignOf({ program }: FoundStore): string | undefined {
  return kindOf(program)?.open?.name;
}

function kindOf(program: string): StoreKind | undefined {
  return STORE_KINDS.find((kind) => kind.program === program);
}

const MARKS = STORE_KINDS.flatMap(({ marks }) => marks);
const WORDS: ReadonlySet<string> = new Set(MARKS.filter((mark) => typeof mark === "string"));
const PATTERNS: readonly RegExp[] = MARKS.filter((mark) => mark instanceof RegExp);

function isDeep(mark: string | RegExp): mark is string {
  return typeof mark === "string" && mark.includes("/");
}

function below(folder: ByteString, name: ByteString): ByteString {
  return folder === "" ? name : `${folder}/${name}`;
}

function baseOf(name: ByteString): ByteString | undefined {
  const ending = SIDE_FILES.find((one) => name.endsWith(one) && name.length > one.length);
  return ending && name.slice(0, -ending.length);
}

/** Not empty, and without SQLite's header. What cannot be read or is no file is told elsewhere. */
async function isWithoutHeader(path: Buffer): Promise<boolean> {
  try {
    const stats = await lstat(path);
    return stats.isFile() && stats.size > 0 && (await readSqliteHeader(path)) === undefined;
  } catch {
    return false;
  }
}

async function isThere(path: Buffer): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

async function sizeOf(path: Buffer): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
