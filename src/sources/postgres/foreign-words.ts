import { startChild } from "../../system/children.ts";

/**
 * Minor releases of old majors may keep something new in their catalogs that only their own pg_dump knows to leave out:
 * a newer major's pg_dump of an earlier day writes it down as it is, and no server takes it back. Seen with 15.20 and
 * 17.12, dumped by 18.6: `ALTER COLUMN … SET (pg_attver=…)`, in the same statement as CREATE TABLE.
 */
const FOREIGN_WORDS = "SET (pg_attver=";

/** True if the dump has a statement that no server takes. Reads its definitions, not its rows. */
export async function hasForeignWords(path: string, signal: AbortSignal): Promise<boolean> {
  const args = ["--schema-only", "--file=-", path];
  const child = startChild({ program: "pg_restore", args }, { signal });
  child.stdin.end();
  let before = "";
  let found = false;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    const text = before + chunk.toString("latin1");
    found ||= text.includes(FOREIGN_WORDS);
    before = text.slice(-FOREIGN_WORDS.length);
  }
  await child.done;
  return found;
}
