import { BLOCK, checksumOf } from "./tar-header.ts";

/**
 * GNU tar names a sparse file "<folder>/GNUSparseFile.<its process id>/<name>" in the ustar header (its true name is
 * in the pax records). That name is written anew with 0 for the process id, so that the same files give the same bytes.
 */
export function withoutProcessId(headers: Buffer, path: Buffer): Buffer {
  const renamed = Buffer.from(headers);
  const block = renamed.subarray(-BLOCK);
  const slash = path.lastIndexOf(0x2f);
  const name = Buffer.concat([path.subarray(0, slash + 1), Buffer.from("GNUSparseFile.0"), path.subarray(slash)]);
  block.fill(0, 0, 100);
  name.copy(block, 0, 0, 100);
  block.fill(0, 345, 500);
  block.write(`${checksumOf(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return renamed;
}
