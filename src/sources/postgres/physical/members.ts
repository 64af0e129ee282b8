import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ListWriter } from "../../list-writer.ts";
import { byteStringOf, bytesOf, type ByteString } from "../../names.ts";
import type { MemberList, Stage } from "../../source.ts";
import { physicalFolder } from "../file-names.ts";

/** The list of everything in a base backup and of the folders above it, and how much it is. */
export interface PhysicalMembers {
  readonly list: MemberList;
  readonly files: number;
  readonly copyBytes: number;
}

/** The copy is below `copy` of the stage. It belongs to root, as nobody else may read it: who starts it takes it over. */
export async function listCopy(
  stage: Stage,
  server: string,
  foldersAbove: readonly string[],
  signal: AbortSignal,
): Promise<PhysicalMembers> {
  const root = join(stage.folder, "copy");
  const listFile = join(stage.folder, "copy.list");
  await using writer = await ListWriter.create(listFile);
  for (const folder of foldersAbove) await writer.add(Buffer.from(folder));
  const totals = { files: 0, copyBytes: 0 };
  await addFolder(byteStringOf(physicalFolder(server)), byteStringOf(root), writer, totals, signal);
  await writer.flush();
  return { list: { root, listFile, inPlace: false, owner: { uid: 0, gid: 0 } }, ...totals };
}

async function addFolder(
  folder: ByteString,
  root: ByteString,
  writer: ListWriter,
  totals: { files: number; copyBytes: number },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  await writer.add(bytesOf(folder));
  const entries = await readdir(bytesOf(`${root}/${folder}`), { encoding: "latin1", withFileTypes: true });
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      await addFolder(path, root, writer, totals, signal);
      continue;
    }
    await writer.add(bytesOf(path));
    if (!entry.isFile()) continue;
    totals.files += 1;
    totals.copyBytes += (await lstat(bytesOf(`${root}/${path}`))).size;
  }
}
