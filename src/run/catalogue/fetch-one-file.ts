import { join } from "node:path";
import { readFileOf } from "../../archive/read-file.ts";
import { writeSealedFile } from "../../archive/sealed-file.ts";
import { fetchBackup } from "./fetch.ts";
import type { Found } from "./find.ts";
import { requireSpace, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/**
 * One file of a backup, alone and private in the spool; every byte of the backup has passed its checks. `path` is that of
 * the archive, `backup/…`; `sizeBytes` is what it will take, as far as that is known. Rejects with "not-found" if it is not in there.
 */
export async function fetchOneFile(
  found: Found,
  { path, sizeBytes }: { readonly path: Buffer; readonly sizeBytes: number },
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<string> {
  const { id, archive, index } = found.backup.receipt;
  await requireSpace(spool.folder, archive.sizeBytes + index.sizeBytes + sizeBytes, "to fetch the backup");
  const fetched = await fetchBackup(found, spool, tools, signal);
  const request = { ...fetched, id, contentBytes: archive.contentBytes, tarBytes: archive.tarBytes, keys: tools.keys };
  const content = await readFileOf({ ...request, path }, signal);
  const file = await writeSealedFile(join(await spool.makeFolder("backup"), "content"), content, signal);
  return file.path;
}
