/** What an old file holds, told by its first bytes, as names may say anything. */
export type OldContent = "gz" | "zst" | "tar" | "sqlite" | "pgdump" | "text";

/** Undefined if it is nothing that is known. `head`: the first 512 bytes, or all if there are fewer. */
export function contentOf(head: Buffer): OldContent | undefined {
  const begins = (magic: string) => head.subarray(0, magic.length).equals(Buffer.from(magic, "latin1"));
  if (begins("\x1f\x8b\x08")) return "gz";
  if (begins("\x28\xb5\x2f\xfd")) return "zst";
  if (begins("SQLite format 3\0")) return "sqlite";
  if (begins("PGDMP")) return "pgdump";
  if (isTar(head)) return "tar";
  return isText(head) ? "text" : undefined;
}

/** The checksum of the first header, which every dialect of tar has. */
function isTar(head: Buffer): boolean {
  if (head.length < 512) return false;
  const digits = head.toString("latin1", 148, 156).replace(/[\0 ]+$/, "");
  if (!/^ *[0-7]+$/.test(digits)) return false;
  let sum = 8 * 0x20;
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += head[at] ?? 0;
  return sum === Number.parseInt(digits, 8);
}

function isText(head: Buffer): boolean {
  const MIN_CONVINCING = 16;
  return head.length >= MIN_CONVINCING && head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
