import type { PaxRecords } from "../pax.ts";
import { BLOCK, checksumOf } from "../tar-header.ts";

/** A member as it goes on: known to be of a kind that backups have, with a path of its own below "backup". */
export interface OldMember {
  readonly typeflag: "0" | "1" | "2" | "5";
  readonly path: Buffer;
  readonly linkTarget?: Buffer;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** As pax writes it: "1700000000.5". */
  readonly mtime: string;
  /** Extended attributes and ACLs, as they were recorded. */
  readonly attributes: PaxRecords;
}

/** The header blocks of a member in the one dialect that everything after this reads: POSIX with pax records. */
export function canonicalHeaders(member: OldMember): Buffer {
  const { typeflag, path, linkTarget, sizeBytes, uid, gid, mtime, attributes } = member;
  const folderSlash = typeflag === "5" ? Buffer.from("/") : Buffer.alloc(0);
  const records = [
    paxRecord("path", Buffer.concat([path, folderSlash])),
    ...(linkTarget ? [paxRecord("linkpath", linkTarget)] : []),
    paxRecord("size", Buffer.from(String(sizeBytes))),
    paxRecord("uid", Buffer.from(String(uid))),
    paxRecord("gid", Buffer.from(String(gid))),
    paxRecord("mtime", Buffer.from(mtime)),
    ...[...attributes].map(([key, value]) => paxRecord(key, value)),
  ];
  const pax = Buffer.concat(records);
  const padding = Buffer.alloc((BLOCK - (pax.length % BLOCK)) % BLOCK);
  // The records before it say all of this better; a reader that knows none of them is of no use here.
  const own = header({ typeflag, mode: member.mode, sizeBytes: sizeBytes <= MAX_OCTAL_SIZE ? sizeBytes : 0 });
  return Buffer.concat([header({ typeflag: "x", mode: 0o600, sizeBytes: pax.length }), pax, padding, own]);
}

const MAX_OCTAL_SIZE = 0o77777777777;

function header(fields: { readonly typeflag: string; readonly mode: number; readonly sizeBytes: number }): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  block.write("backup/member", 0, "latin1");
  octal(fields.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(fields.sizeBytes, 124, 12);
  octal(0, 136, 12);
  block.write(fields.typeflag, 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  octal(checksumOf(block), 148, 8);
  return block;
}

/** "LENGTH KEY=VALUE\n", the length of the whole record, its own digits included. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), value, Buffer.from("\n")]);
  let length = rest.length + String(rest.length).length;
  if (String(length).length + rest.length !== length) length += 1;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
