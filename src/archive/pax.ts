import { malformed } from "./tar-header.ts";

/** What the pax records of one member say, by key. Values are bytes. */
export type PaxRecords = ReadonlyMap<string, Buffer>;

/**
 * Reads the records "LENGTH KEY=VALUE\n" of a pax extended header. Throws "verification-failed" for a record that
 * does not add up and for a key that is given twice: two readers might each believe another one of them.
 */
export function parsePax(data: Buffer): PaxRecords {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const digits = space === -1 ? "" : data.toString("latin1", at, space);
    const length = /^[1-9][0-9]{0,9}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length === 0 || end > data.length || data[end - 1] !== 0x0a) throw malformed("a pax record has a wrong length");
    const equals = data.indexOf(0x3d, space);
    if (equals === -1 || equals >= end) throw malformed("a pax record has no key");
    const key = data.toString("latin1", space + 1, equals);
    if (records.has(key)) throw malformed(`the pax key '${key}' is given twice`);
    records.set(key, Buffer.from(data.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

/** A pax number of whole units: sizes and owners. */
export function paxInteger(value: Buffer, key: string): number {
  const digits = value.toString("latin1");
  const number = /^[0-9]{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw malformed(`the pax value of '${key}' is not a number`);
  return number;
}

/** A pax time, "-1.5" for one second and a half before 1970, in nanoseconds. */
export function paxTimeNs(value: Buffer, key: string): bigint {
  const match = /^(-?)([0-9]{1,18})(?:\.([0-9]{1,9}))?$/.exec(value.toString("latin1"));
  if (!match) throw malformed(`the pax value of '${key}' is not a time`);
  const [, sign, seconds = "", fraction = ""] = match;
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  return sign === "-" ? -ns : ns;
}
