import { access, open, truncate } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { bytesOf, type ByteString } from "../names.ts";

/**
 * A transaction over several databases (ATTACH) is committed by removing its super-journal, a file that each
 * database's -journal names by the path that the application saw. That path means nothing here, and SQLite would take
 * the missing file for a commit and keep half a transaction. So look for the super-journal beside the database: if it
 * is there, take its name out of the copied journal, which makes SQLite roll back.
 * Rejects if the super-journal lies somewhere that cannot be known from here.
 */
export async function settleSuperJournal(database: ByteString, copiedJournal: string): Promise<void> {
  const named = await superJournalOf(copiedJournal);
  if (!named) return;
  const ownName = database.slice(database.lastIndexOf("/") + 1);
  const superName = named.path.slice(named.path.lastIndexOf("/") + 1);
  const folder = database.slice(0, database.lastIndexOf("/") + 1);
  if (await exists(bytesOf(folder + superName))) {
    await truncate(copiedJournal, named.startsAt);
  } else if (!superName.startsWith(`${ownName}-mj`)) {
    // It is named after, and lies beside, another database of the transaction, perhaps in another folder.
    throw new LifeboatError("failed", "it was left in the middle of a transaction over several databases", {
      hint: "Start the application once, so that it finishes or rolls back the transaction, and back up again.",
    });
  }
}

/** The record at the journal's end: page number, the name, its length, a checksum, a magic number. */
async function superJournalOf(journal: string): Promise<{ path: ByteString; startsAt: number } | undefined> {
  const file = await open(journal, "r");
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, MAX_RECORD_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    const end = tail.length - TRAILER_BYTES;
    if (end < 0 || !tail.subarray(-MAGIC.length).equals(MAGIC)) return undefined;
    const length = tail.readUInt32BE(end);
    if (length === 0 || length > end - PAGE_NUMBER_BYTES) return undefined;
    const name = tail.subarray(end - length, end);
    const path = name.toString("latin1");
    // As SQLite does: a record that is not whole was never synced, so the transaction is rolled back.
    if (!SUPER_JOURNAL_NAME.test(path) || tail.readInt32BE(end + 4) !== checksumOf(name)) return undefined;
    return { path, startsAt: size - TRAILER_BYTES - length - PAGE_NUMBER_BYTES };
  } finally {
    await file.close();
  }
}

const MAGIC = Buffer.from("d9d505f920a163d7", "hex");
const PAGE_NUMBER_BYTES = 4;
const TRAILER_BYTES = 4 + 4 + MAGIC.length;
const MAX_RECORD_BYTES = 4096;

const SUPER_JOURNAL_NAME = /-mj[0-9a-f]{6}9[0-9a-f]{2}$/i;

/** The sum of the name's bytes, which SQLite takes as signed. */
function checksumOf(name: Buffer): number {
  return new Int8Array(name).reduce((sum, byte) => (sum + byte) | 0, 0);
}

async function exists(path: Buffer): Promise<boolean> {
  return await access(path).then(
    () => true,
    // Only its presence means "not committed".
    () => false,
  );
}
