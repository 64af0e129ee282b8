import { open } from "node:fs/promises";
import { bytesOf, type ByteString } from "../names.ts";
import { lookAtFiles, type FilesOnDisk } from "./files.ts";

/**
 * Of the names of one file, that by which SQLite was told to open it: the one with side files. If several have some, one
 * whose side files hold changes; `others` are the further names of which that is true, and their changes are nowhere else.
 */
export async function nameInUse(
  names: readonly [ByteString, ...ByteString[]],
): Promise<{ readonly name: ByteString; readonly others: readonly ByteString[] }> {
  if (names.length === 1) return { name: names[0], others: [] };
  const used: ByteString[] = [];
  const changed: ByteString[] = [];
  for (const name of names) {
    const files = await lookAtFiles(name);
    if (files.wal ?? files.shm ?? files.journal) used.push(name);
    if (await holdChanges(name, files)) changed.push(name);
  }
  const [name = used[0] ?? names[0], ...others] = changed;
  return { name, others };
}

async function holdChanges(name: ByteString, { wal, journal }: FilesOnDisk): Promise<boolean> {
  if (wal && wal.size > 0n) return true;
  return journal !== undefined && journal.size > 0n && (await isHot(`${name}-journal`));
}

/** A journal that is kept for the next transaction begins with zeros (`journal_mode = PERSIST`). */
async function isHot(journal: ByteString): Promise<boolean> {
  const file = await open(bytesOf(journal), "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead === 1 && buffer[0] !== 0;
  } finally {
    await file.close();
  }
}
