/** Tar headers made by hand, so that they can say what no honest tar would. */
export interface HandMadeHeader {
  readonly name: string;
  readonly type?: string;
  readonly size?: number;
  readonly rawSize?: Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly linkName?: string;
  readonly magic?: string;
  readonly checksum?: string;
}

export function header(fields: HandMadeHeader): Buffer {
  const { name, type = "0", size = 0, rawSize, mode = 0o644, uid = 0, gid = 0, linkName = "" } = fields;
  const block = Buffer.alloc(512);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  block.write(name, 0, 100, "latin1");
  block.write(octal(mode, 7), 100, "latin1");
  block.write(octal(uid, 7), 108, "latin1");
  block.write(octal(gid, 7), 116, "latin1");
  if (rawSize) rawSize.copy(block, 124);
  else block.write(octal(size, 11), 124, "latin1");
  block.write(octal(1_000_000_000, 11), 136, "latin1");
  block.write(type, 156, "latin1");
  block.write(linkName, 157, 100, "latin1");
  block.write(fields.magic ?? "ustar\x0000", 257, "latin1");
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(fields.checksum ?? octal(sum, 6), 148, "latin1");
  block.write("\0 ", 154, "latin1");
  return block;
}

/** An extended header with these records. Values are written as bytes of latin1. */
export function paxHeader(records: Record<string, string> | readonly (readonly [string, string])[]): Buffer {
  const pairs = Array.isArray(records) ? (records as readonly (readonly [string, string])[]) : Object.entries(records);
  const data = Buffer.from(pairs.map(([key, value]) => record(key, value)).join(""), "latin1");
  return Buffer.concat([header({ name: "x", type: "x", size: data.length }), padded(data)]);
}

/** Blocks, and the end of an archive. */
export function tarOf(...blocks: readonly Buffer[]): Buffer {
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return `${length}${rest}`;
}
