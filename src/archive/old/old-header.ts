import { malformed } from "../tar-header.ts";

/** One header block of any dialect of tar: v7, ustar, GNU, star, busybox. */
export interface OldHeader {
  readonly typeflag: string;
  readonly name: Buffer;
  readonly linkName: Buffer;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Throws "verification-failed" unless the block is a header with the right checksum. */
export function parseOldHeader(block: Buffer): OldHeader {
  const stored = number(block, 148, 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < block.length; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (sum !== stored) throw malformed("a header has a wrong checksum");
  // The GNU dialect ("ustar  \0") has other things where the others keep the front of long names.
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 155) : Buffer.alloc(0);
  const name = text(block, 0, 100);
  return {
    typeflag: String.fromCharCode(block[156] ?? 0),
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from("/"), name]) : name,
    linkName: text(block, 157, 100),
    sizeBytes: number(block, 124, 12),
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    mtime: number(block, 136, 12, { mayBeNegative: true }),
  };
}

function text(block: Buffer, from: number, length: number): Buffer {
  const field = block.subarray(from, from + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** In octal digits, or with the highest bit set in base 256, as GNU tar writes what has no room. */
function number(block: Buffer, from: number, length: number, { mayBeNegative = false } = {}): number {
  const field = block.subarray(from, from + length);
  let value: number;
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const bits = BigInt(8 * length - 1);
    value = Number(BigInt.asIntN(Number(bits), BigInt(`0x${field.toString("hex")}`)));
  } else {
    const digits = field
      .toString("latin1")
      .replace(/[\0 ]+$/, "")
      .trim();
    if (!/^[0-7]*$/.test(digits)) throw malformed("a header has a number that is none");
    value = digits === "" ? 0 : Number.parseInt(digits, 8);
  }
  if (!Number.isSafeInteger(value) || (value < 0 && !mayBeNegative))
    throw malformed("a header has an impossible number");
  return value;
}
