import type { IndexEntry } from "./format.ts";

/** One line of the index file: the entry as JSON, and a newline. */
export function formatEntry(entry: IndexEntry): string {
  const line = {
    ...named("path", entry.path),
    type: entry.type,
    sizeBytes: entry.sizeBytes,
    ...(entry.storedBytes === undefined ? {} : { storedBytes: entry.storedBytes }),
    mode: entry.mode.toString(8).padStart(4, "0"),
    uid: entry.uid,
    gid: entry.gid,
    mtimeNs: entry.mtimeNs.toString(),
    ...(entry.linkTarget ? named("linkTarget", entry.linkTarget) : {}),
    ...(entry.sha256 === undefined ? {} : { sha256: entry.sha256 }),
    ...(entry.damage === undefined ? {} : { damage: entry.damage, storedSha256: entry.storedSha256 }),
    heldBy: entry.heldBy,
  };
  return `${JSON.stringify(line)}\n`;
}

/** Bytes that are not UTF-8 are given in base64, under a name of their own. */
function named(key: string, bytes: Buffer): Record<string, string> {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? { [key]: text } : { [`${key}Base64`]: bytes.toString("base64") };
}

/** Reads one line of the index file, without its newline. Throws when it is not an entry. */
export function parseEntry(line: string): IndexEntry {
  const raw: unknown = JSON.parse(line);
  if (!isLine(raw)) throw new Error("it is not what an entry looks like");
  const isLink = raw.type === "symlink" || raw.type === "hardlink";
  const path = bytesOf(raw.path, raw.pathBase64);
  const linkTarget = bytesOf(raw.linkTarget, raw.linkTargetBase64);
  if (!path || isLink !== (linkTarget !== undefined)) throw new Error("it has no path, or a link target it should not");
  const digests = (raw.sha256 === undefined ? 0 : 1) + (raw.storedSha256 === undefined ? 0 : 1);
  if (digests !== (raw.type === "file" ? 1 : 0)) throw new Error("files have one SHA-256, nothing else does");
  if ((raw.damage === undefined) !== (raw.storedSha256 === undefined))
    throw new Error("only damage is told in two keys");
  if (raw.type !== "file" && (raw.sizeBytes !== 0 || (raw.storedBytes ?? 0) !== 0))
    throw new Error("only files have a size");
  return {
    ...{ path, type: raw.type, sizeBytes: raw.sizeBytes, uid: raw.uid, gid: raw.gid, heldBy: raw.heldBy },
    mode: Number.parseInt(raw.mode, 8),
    mtimeNs: BigInt(raw.mtimeNs),
    ...(linkTarget ? { linkTarget } : {}),
    ...(raw.storedBytes === undefined ? {} : { storedBytes: raw.storedBytes }),
    ...(raw.sha256 === undefined ? {} : { sha256: raw.sha256 }),
    ...(raw.damage === undefined || raw.storedSha256 === undefined
      ? {}
      : { damage: raw.damage, storedSha256: raw.storedSha256 }),
  };
}

interface Line {
  readonly path?: string;
  readonly pathBase64?: string;
  readonly type: IndexEntry["type"];
  readonly sizeBytes: number;
  readonly storedBytes?: number;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: string;
  readonly linkTarget?: string;
  readonly linkTargetBase64?: string;
  readonly sha256?: string;
  readonly damage?: NonNullable<IndexEntry["damage"]>;
  readonly storedSha256?: string;
  readonly heldBy: string;
}

type Test = (value: unknown) => boolean;

const isWholeNumber: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText: Test = (value) => typeof value === "string" && value !== "";
const like =
  (pattern: RegExp): Test =>
  (value) =>
    typeof value === "string" && pattern.test(value);
const isBase64 = like(/^[A-Za-z0-9+/]+={0,2}$/);
const isSha256 = like(/^[0-9a-f]{64}$/);

const MUST: Readonly<Record<string, Test>> = {
  type: like(/^(?:file|folder|symlink|hardlink)$/),
  sizeBytes: isWholeNumber,
  mode: like(/^[0-7]{4}$/),
  uid: isWholeNumber,
  gid: isWholeNumber,
  mtimeNs: like(/^-?[0-9]{1,30}$/),
  heldBy: like(/^[0-9a-f]{8}$/),
};
const MAY: Readonly<Record<string, Test>> = {
  path: isText,
  pathBase64: isBase64,
  storedBytes: isWholeNumber,
  linkTarget: isText,
  linkTargetBase64: isBase64,
  sha256: isSha256,
  damage: like(/^(?:partial|shrank)$/),
  storedSha256: isSha256,
};
const TESTS = new Map(Object.entries({ ...MUST, ...MAY }));
const REQUIRED = Object.keys(MUST);

/** By hand: what checks schemas takes most of the time that a million lines need. */
function isLine(raw: unknown): raw is Line {
  if (typeof raw !== "object" || raw === null) return false;
  for (const key in raw) if (TESTS.get(key)?.((raw as Record<string, unknown>)[key]) !== true) return false;
  return REQUIRED.every((key) => key in raw);
}

function bytesOf(text: string | undefined, encoded: string | undefined): Buffer | undefined {
  if (text !== undefined && encoded !== undefined) throw new Error("bytes are given twice");
  if (encoded !== undefined) return Buffer.from(encoded, "base64");
  return text === undefined ? undefined : Buffer.from(text, "utf8");
}
