import type { IndexEntry } from "./format.ts";
import { paxInteger, type PaxRecords, paxTimeNs } from "./pax.ts";
import { malformed, type UstarHeader } from "./tar-header.ts";

/** One member as its headers describe it; what its content is, only the content says. */
export interface TarMember {
  readonly path: Buffer;
  /** "special": a device or FIFO, which no backup holds; a tar of live files may, where a name changed its kind. */
  readonly type: IndexEntry["type"] | "special";
  /** Of the content as an application sees it; holes counted. */
  readonly sizeBytes: number;
  /** Bytes that follow in the archive, without padding; differs from `sizeBytes` for sparse files. */
  readonly storedBytes: number;
  readonly sparse: boolean;
  /** Parts of a sparse file that are no holes. */
  readonly extents?: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly linkTarget?: Buffer;
}

/**
 * Joins a member's ustar header with its pax records. Throws "verification-failed" for whatever this format has no
 * use for (other dialects of tar, unknown keys), so that no other reader can understand it otherwise.
 */
export function memberOf(header: UstarHeader, pax: PaxRecords): TarMember {
  const type = TYPES[header.typeflag];
  const rawPath = pax.get("GNU.sparse.name") ?? pax.get("path") ?? header.name;
  if (type === undefined) throw malformed(`'${printable(rawPath)}' is of a type that no backup holds`);
  for (const key of pax.keys()) {
    if (!KEYS.has(key) && !KEY_PREFIXES.some((prefix) => key.startsWith(prefix))) {
      throw malformed(`'${printable(rawPath)}' has the unknown pax key '${key}'`);
    }
  }
  const sparse = isSparse(pax);
  if (sparse && type !== "file") throw malformed(`'${printable(rawPath)}' is sparse but not a file`);
  const storedBytes = integer(pax, "size") ?? header.sizeBytes;
  if (type !== "file" && storedBytes > 0) throw malformed(`'${printable(rawPath)}' has content but is not a file`);
  const mtime = pax.get("mtime");
  return {
    path: memberPath(rawPath, type),
    type,
    sizeBytes: sparse ? (integer(pax, "GNU.sparse.realsize") ?? 0) : storedBytes,
    storedBytes,
    sparse,
    mode: header.mode & 0o7777,
    uid: integer(pax, "uid") ?? header.uid,
    gid: integer(pax, "gid") ?? header.gid,
    mtimeNs: mtime ? paxTimeNs(mtime, "mtime") : header.mtimeNs,
    ...(type === "symlink" || type === "hardlink"
      ? { linkTarget: withoutNul(pax.get("linkpath") ?? header.linkName, "link target") }
      : {}),
  };
}

/** A path for a message: bytes that are not printable ASCII are shown as escapes. */
export function printable(path: Buffer): string {
  return path.toString("latin1").replace(/[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

const TYPES: Readonly<Record<string, TarMember["type"]>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "special",
  "4": "special",
  "5": "folder",
  "6": "special",
};

const KEYS = new Set([
  ...["path", "linkpath", "size", "mtime", "uid", "gid", "SCHILY.acl.access", "SCHILY.acl.default"],
  ...["GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.name", "GNU.sparse.realsize"],
]);
const KEY_PREFIXES = ["SCHILY.xattr."];

function isSparse(pax: PaxRecords): boolean {
  const keys = ["GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.name", "GNU.sparse.realsize"];
  const given = keys.filter((key) => pax.has(key));
  if (given.length === 0) return false;
  const version = `${pax.get("GNU.sparse.major")}.${pax.get("GNU.sparse.minor")}`;
  if (given.length !== keys.length || version !== "1.0" || pax.has("path")) {
    throw malformed("a sparse file is not described as version 1.0");
  }
  return true;
}

function integer(pax: PaxRecords, key: string): number | undefined {
  const value = pax.get(key);
  return value === undefined ? undefined : paxInteger(value, key);
}

/** Folders end with one slash in the archive and with none in the index; nothing else may. */
function memberPath(raw: Buffer, type: TarMember["type"]): Buffer {
  const path = withoutNul(raw, "path");
  const slash = path.at(-1) === 0x2f;
  if (slash !== (type === "folder")) throw malformed(`'${printable(path)}' is named unlike its type`);
  return slash ? path.subarray(0, -1) : path;
}

function withoutNul(bytes: Buffer, what: string): Buffer {
  if (bytes.length === 0 || bytes.includes(0)) throw malformed(`a ${what} is empty or holds a NUL byte`);
  return bytes;
}
