import { hintOf } from "../../src/errors.ts";
import { provenFinding } from "../../src/run/backup/copy-databases.ts";
import { sqliteSource } from "../../src/sources/sqlite.ts";
import { survey } from "../../src/sources/survey.ts";

// Copies the first database below the root as another user: run by sqlite-user.test.ts in a process of its own.
const [root = "", stage = ""] = process.argv.slice(2);
const signal = new AbortController().signal;
const [found] = (await survey({ root, exclude: [], sqlite: "auto", never: [] }, stage, signal)).databases;
if (!found) throw new Error("no database found");
try {
  const snapshot = await sqliteSource(found, { root, timeoutMs: 10_000 }).snapshot({ folder: stage }, signal);
  const finding = await provenFinding(snapshot, signal);
  console.log(JSON.stringify({ outcome: finding.outcome, rows: finding.facts["rows"] }));
} catch (error) {
  console.log(JSON.stringify({ message: error instanceof Error ? error.message : "", hint: hintOf(error) }));
}
