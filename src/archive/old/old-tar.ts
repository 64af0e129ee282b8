import { ByteSource } from "../byte-source.ts";
import { parsePax, type PaxRecords } from "../pax.ts";
import { BLOCK, isZeroBlock, malformed } from "../tar-header.ts";
import { printable } from "../tar-member.ts";
import type { Bytes } from "../through-child.ts";
import { canonicalHeaders, type OldMember } from "./canonical-tar.ts";
import { parseOldHeader, type OldHeader } from "./old-header.ts";

/**
 * Reads a tar stream of any dialect and gives it again in the one that this program writes, each path below "backup":
 * so that what checks and extracts our own archives takes these as well, and GNU tar never sees a byte of theirs that
 * was not understood here. Devices and FIFOs are left out, setuid and setgid bits taken off; `warn` is told of both.
 * Rejects with "verification-failed" for what is damaged, cut off, or leads out of its folder.
 */
export async function* canonicalTar(tar: Bytes, warn: (sentence: string) => void): AsyncGenerator<Buffer, void> {
  const source = new ByteSource(tar);
  try {
    for (let next = await readMember(source); next; next = await readMember(source)) {
      const member = asMember(next, warn);
      if (member) yield canonicalHeaders(member);
      const stored = STORED.has(next.header.typeflag) ? next.sizeBytes : 0;
      for await (const piece of content(source, stored)) if (member) yield piece;
    }
    // To the very end of what is around it: only there damage shows. What follows a tar's end means nothing.
    while (await source.some(Infinity));
    // The reader after this one wants an end.
    yield Buffer.alloc(2 * BLOCK);
  } finally {
    await source.close();
  }
}

interface Raw {
  readonly header: OldHeader;
  readonly pax: PaxRecords;
  readonly path: Buffer;
  readonly linkTarget: Buffer;
  readonly sizeBytes: number;
}

/** Undefined at the end of the archive. */
async function readMember(source: ByteSource): Promise<Raw | undefined> {
  let pax: PaxRecords = new Map();
  let longName: Buffer | undefined;
  let longLink: Buffer | undefined;
  for (;;) {
    const block = await takeBlock(source);
    if (isZeroBlock(block)) return undefined;
    const header = parseOldHeader(block);
    if ("xgXLK".includes(header.typeflag)) {
      const data = await readSmall(source, header.sizeBytes);
      if (header.typeflag === "L") longName = withoutEnd(data);
      else if (header.typeflag === "K") longLink = withoutEnd(data);
      else if (header.typeflag === "g") requireHarmless(parsePax(data));
      else pax = parsePax(data);
      continue;
    }
    const size = pax.get("size")?.toString("latin1");
    if (size !== undefined && !/^[0-9]{1,15}$/.test(size)) throw malformed("a member's size is not a number");
    return {
      header,
      pax,
      path: pax.get("path") ?? longName ?? header.name,
      linkTarget: pax.get("linkpath") ?? longLink ?? header.linkName,
      sizeBytes: size === undefined ? header.sizeBytes : Number(size),
    };
  }
}

async function takeBlock(source: ByteSource): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let missing = BLOCK; missing > 0;) {
    const piece = await source.some(missing);
    if (!piece) throw malformed("it ends too early");
    pieces.push(piece);
    missing -= piece.length;
  }
  return Buffer.concat(pieces);
}

async function readSmall(source: ByteSource, size: number): Promise<Buffer> {
  if (size > MAX_EXTENSION_BYTES) throw malformed(`a header extension of ${size} bytes`);
  const blocks: Buffer[] = [];
  for (let read = 0; read < size; read += BLOCK) blocks.push(await takeBlock(source));
  return Buffer.concat(blocks).subarray(0, size);
}

/** Long names and attributes; attributes are at most 64 KiB each on Linux. */
const MAX_EXTENSION_BYTES = 16 * 1024 * 1024;

async function* content(source: ByteSource, size: number): AsyncGenerator<Buffer, void> {
  for (let left = size + ((BLOCK - (size % BLOCK)) % BLOCK); left > 0;) {
    const piece = await source.some(left);
    if (!piece) throw malformed("it ends too early");
    left -= piece.length;
    yield piece;
  }
}

function withoutEnd(data: Buffer): Buffer {
  const end = data.indexOf(0);
  return end === -1 ? data : data.subarray(0, end);
}

/** Records for the whole archive: comments are harmless, anything about members is not understood here. */
function requireHarmless(records: PaxRecords): void {
  for (const key of records.keys()) {
    if (key !== "comment") throw malformed(`it has a record for all members, '${key}', that is not understood`);
  }
}

const FILE_TYPES = ["0", "\0", "7"];
/** Members whose content is stored behind the header: of all others the size means nothing. */
const STORED: ReadonlySet<string> = new Set([...FILE_TYPES, "S", "D", "M", "V", "N"]);
const LEFT_OUT: Readonly<Record<string, string>> = { "3": "a device", "4": "a device", "6": "a FIFO", V: "a label" };

function asMember(raw: Raw, warn: (sentence: string) => void): OldMember | undefined {
  const { header, pax } = raw;
  const shown = `'${printable(raw.path)}'`;
  const why = LEFT_OUT[header.typeflag];
  if (why !== undefined) {
    if (header.typeflag !== "V") warn(`${shown} was left out: it is ${why}`);
    return undefined;
  }
  if (header.typeflag === "S" || [...pax.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw malformed(`${shown} is stored with holes, which only GNU tar itself reads`);
  }
  // The first tars had no type for folders, only a slash at the end.
  const isFile = FILE_TYPES.includes(header.typeflag) && raw.path.at(-1) !== SLASH;
  const typeflag = isFile ? "0" : FILE_TYPES.includes(header.typeflag) ? "5" : header.typeflag;
  if (typeflag !== "0" && typeflag !== "1" && typeflag !== "2" && typeflag !== "5") {
    throw malformed(`${shown} is of the unknown type '${printable(Buffer.from(typeflag))}'`);
  }
  if ((header.mode & 0o6000) !== 0) warn(`${shown} no longer has its setuid and setgid bits`);
  const linkTarget = typeflag === "1" ? placed(raw.linkTarget) : raw.linkTarget;
  return {
    typeflag,
    path: placed(raw.path),
    ...(typeflag === "1" || typeflag === "2" ? { linkTarget } : {}),
    sizeBytes: isFile ? raw.sizeBytes : 0,
    mode: header.mode & 0o1777,
    uid: paxNumber(pax, "uid") ?? header.uid,
    gid: paxNumber(pax, "gid") ?? header.gid,
    mtime: pax.get("mtime")?.toString("latin1") ?? String(header.mtime),
    attributes: new Map([...pax].filter(([key]) => /^SCHILY\.(xattr\.|acl\.(access|default)$)/.test(key))),
  };
}

const SLASH = 0x2f;

/** The path below "backup", as tar would extract it: without a leading slash, "." and doubled slashes. */
function placed(path: Buffer): Buffer {
  const segments = path
    .toString("latin1")
    .split("/")
    .filter((segment) => segment !== "" && segment !== ".");
  if (segments.includes("..")) throw malformed(`'${printable(path)}' leads out of its folder`);
  return Buffer.from(["backup", ...segments].join("/"), "latin1");
}

function paxNumber(pax: PaxRecords, key: string): number | undefined {
  const value = pax.get(key)?.toString("latin1");
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,10}$/.test(value)) throw malformed(`the pax value of '${key}' is not a number`);
  return Number(value);
}
