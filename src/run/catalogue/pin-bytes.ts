/**
 * What a pin consists of, for people: that it is there is all that counts. So it needs no proof of whose it is: it can
 * only keep a backup, every list shows it, and who can write to a target can fill it without.
 */
export function pinBytes(backup: string, pinnedAt: Date): Buffer {
  return Buffer.from(`${JSON.stringify({ backup, format: 1, pinnedAt: pinnedAt.toISOString() })}\n`, "utf8");
}
