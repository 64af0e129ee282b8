import { LifeboatError } from "../errors.ts";

export const BLOCK = 512;

/** The fields of one ustar header block, before any pax records are laid over them. */
export interface UstarHeader {
  readonly typeflag: string;
  readonly name: Buffer;
  readonly linkName: Buffer;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
}

/** Reads one header block. Throws "verification-failed" unless it is a POSIX ustar header with the right checksum. */
export function parseHeader(block: Buffer): UstarHeader {
  if (checksumOf(block) !== octal(block, 148, 8, "checksum")) throw malformed("a header has a wrong checksum");
  if (block.toString("latin1", 257, 265) !== "ustar\x0000") throw malformed("a header is not in the POSIX format");
  const prefix = text(block, 345, 155);
  const name = text(block, 0, 100);
  return {
    typeflag: String.fromCharCode(block[156] ?? 0),
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from("/"), name]) : name,
    linkName: text(block, 157, 100),
    sizeBytes: octal(block, 124, 12, "size"),
    mode: octal(block, 100, 8, "mode"),
    uid: octal(block, 108, 8, "uid"),
    gid: octal(block, 116, 8, "gid"),
    mtimeNs: BigInt(octal(block, 136, 12, "mtime")) * 1_000_000_000n,
  };
}

/** The sum of all bytes of a header block, its checksum field counted as eight spaces. */
export function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
}

export function isZeroBlock(block: Buffer): boolean {
  return block.equals(ZERO_BLOCK);
}

export function malformed(what: string, cause?: unknown): LifeboatError {
  return new LifeboatError("verification-failed", `the archive's tar stream is damaged: ${what}`, { cause });
}

const ZERO_BLOCK = Buffer.alloc(BLOCK);

function text(block: Buffer, from: number, length: number): Buffer {
  const field = block.subarray(from, from + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** A number in octal digits. Base-256 numbers of the GNU format have no place in a POSIX header and are refused. */
function octal(block: Buffer, from: number, length: number, field: string): number {
  const digits = block.toString("latin1", from, from + length).replace(/[\0 ]+$/, "");
  if (!/^ *[0-7]*$/.test(digits)) throw malformed(`a header has a ${field} that is not an octal number`);
  return digits.trim() === "" ? 0 : Number.parseInt(digits, 8);
}
