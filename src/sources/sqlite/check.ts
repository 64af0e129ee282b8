import Database from "better-sqlite3";
import type { Clock } from "../../system/clock.ts";
import { noteFacts } from "./facts.ts";
import { compareIndexes } from "./indexes.ts";
import type { CheckFindings, CheckJob } from "./job.ts";
import { checkStructure } from "./structure.ts";
import { Verdict } from "./verdict.ts";

/**
 * Does its share in checking a private copy, which keeps its bytes. Damage is something found, not a failure: a database
 * that is corrupt at its source is worth keeping.
 */
export function checkCopy({ copy, structure, slice }: CheckJob, clock: Clock): CheckFindings {
  const database = new Database(copy, { fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
  try {
    database.pragma(`mmap_size = ${MAPPED_BYTES}`);
    const verdict = structure ? checkStructure(database) : new Verdict();
    const compared = slice ? compareIndexes(database, slice) : new Verdict();
    return {
      damage: [...verdict.damage, ...compared.damage],
      notChecked: [...verdict.notChecked, ...compared.notChecked],
      rulesBroken: verdict.rulesBroken,
      facts: structure ? noteFacts(database, clock) : null,
    };
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    const damage = [`SQLite cannot read it: ${error.message} (${error.code})`];
    return { damage, notChecked: [], rulesBroken: [], facts: null };
  } finally {
    database.close();
  }
}

/** Of the processes that check one copy, the first may have to finish what a crash has left beside it. */
const LOCK_TIMEOUT_MS = 10_000;

/**
 * As much as SQLite allows. Pages are read where the kernel has them: no copies, and memory that it can take back at any
 * time. What lies beyond is read as ever. Nobody cuts the file short meanwhile: it is ours.
 */
const MAPPED_BYTES = 0x7fff0000;
