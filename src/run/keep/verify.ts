import { DamagedFiles } from "../../archive/damaged-files.ts";
import { verifyArchive } from "../../archive/extract.ts";
import type { Receipt } from "../../archive/receipt.ts";
import { describeError, LifeboatError } from "../../errors.ts";
import { chooseBackup } from "../../plan/choose.ts";
import type { RunReport } from "../../report/outcome.ts";
import { acquireLock } from "../../system/lock.ts";
import type { Target } from "../../targets/target.ts";
import type { Holding, KnownBackup } from "../catalogue/catalogue.ts";
import { conduct, type Conduct } from "../conduct/conduct.ts";
import { notesOf } from "../catalogue/copy-notes.ts";
import { fetchBackup } from "../catalogue/fetch.ts";
import { readHoldingsOf, type Found } from "../catalogue/find.ts";
import { foundationIn, incrementsIn } from "../catalogue/foundation.ts";
import { IndexMemory } from "../catalogue/index-memory.ts";
import { entryOn } from "../catalogue/index-paths.ts";
import { openStoredIndex, type Reading } from "../catalogue/open-index.ts";
import { takenOnTrust } from "../catalogue/tell.ts";
import { requireNotAllGone } from "../catalogue/vanished.ts";
import { settleVanished } from "./settle-vanished.ts";
import { inOrder } from "../conduct/in-order.ts";
import { openSpool, requireSpace, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** What was found about one backup on one target. */
export interface Verified {
  readonly id: string;
  readonly target: string;
  /**
   * "complete": authentic, all parts there in full size, the index opens. "read": and every byte read and compared.
   * "stored": the bytes are those that were sealed, but opening them takes a private key that is not here.
   * "locked": it takes another key, so nothing can be said about it. "unknown": it could not be looked at, for a reason
   * that is not its own, such as a full disk here.
   */
  readonly result: "complete" | "read" | "stored" | "broken" | "locked" | "unknown";
  readonly problem?: string;
  /** What its receipt says of databases that are good all the same, and which files were not whole when they were saved. */
  readonly notes?: readonly string[];
}

export interface WantedProof {
  readonly id: string | "all";
  readonly read: boolean;
  readonly target?: string;
  /** What is missing at the targets is gone for good: it is expected no more. */
  readonly acceptMissing: boolean;
}

/**
 * Are these the bytes that were sealed, and do they open? Each target's copy is verified by itself. With an incremental
 * backup the full one that it stands on is verified in the same way, and neither is better than the other.
 * All that is wanted is looked at; then the report fails: with exit code 13 if one of them is broken, else with 12 if one
 * is locked, else with 1 if one is unknown. Leftovers of a run that was cut off degrade it.
 */
export async function verify(
  wanted: WantedProof,
  tools: Tools,
  signal: AbortSignal,
): Promise<{ report: RunReport; verified: readonly Verified[] }> {
  const { config, clock } = tools;
  const verified: Verified[] = [];
  const report = await conduct("verify", tools, async (run) => {
    using _lock = await acquireLock(config.state, "verify", config.lockTimeoutMs, clock, signal);
    await using spool = await openSpool(config.state, clock);
    const memory = new IndexMemory(config.state, tools);
    const { holdings, unreadable } = await readHoldingsOf(wanted.target, tools, signal);
    for (const { target, error } of unreadable) {
      run.warn(`target '${target.name}' cannot be read: ${describeError(error)}`);
    }
    if (holdings.length === 0 && unreadable[0]) throw unreadable[0].error;
    const expected = await settleVanished(holdings, wanted.acceptMissing ? "accept" : "miss", run, tools);
    if (wanted.acceptMissing && holdings.every(({ backups, broken }) => backups.length + broken.length === 0)) return;
    requireNotAllGone(holdings, expected);
    const chosen = wanted.id === "all" ? undefined : chosenStems(wanted.id, holdings);
    const stems = chosen?.flatMap((stem) => [stem, ...holdings.flatMap((one) => stemsBelow(stem, one))]);
    const isWanted = (one: { readonly stem: string }) => stems === undefined || stems.includes(one.stem);
    for (const holding of holdings) {
      const done: Verified[] = [];
      // The oldest first, so that a full backup comes before what stands on it.
      const backups = holding.backups.filter(isWanted);
      const look = (backup: KnownBackup, _: number, either: AbortSignal) =>
        verifyOne(holding, backup, wanted.read, { memory, spool, tools }, either);
      for await (const one of inOrder(backups, wanted.read ? 1 : INDEXES_AT_ONCE, look, signal)) {
        done.push(standing(one, backups[done.length]!, holding, done));
      }
      verified.push(...done);
      verified.push(...holding.broken.filter(isWanted).map((broken) => asVerified(broken, holding)));
      if (chosen === undefined) tellOrphans(holding, run);
    }
    const looked = holdings.flatMap(({ backups }) => backups.filter(isWanted));
    for (const sentence of takenOnTrust(looked)) run.say(sentence);
    requireWhole(verified);
  });
  return { report, verified };
}

/** An archive that is read keeps both cores busy by itself, and its room in the spool is only there once. */
const INDEXES_AT_ONCE = 4;

/**
 * The stems that `wanted` means, also if there is only a broken backup of it: `latest` is the newest backup, and what has
 * the name of a newer one and is none.
 */
function chosenStems(wanted: string, holdings: readonly Holding[]): readonly string[] {
  const broken = holdings.flatMap((holding) => holding.broken).map(({ stem }) => stem);
  const backups = holdings.flatMap((holding) => holding.backups);
  const known = [...new Map(backups.map(({ stem, receipt }) => [receipt.id, { stem, ...receipt }])).values()];
  if (wanted === "latest" && broken.length > 0) {
    const newest = known.length === 0 ? undefined : chooseBackup(known, wanted).stem;
    const newer = [...new Set(broken)].sort().filter((stem) => newest === undefined || stem > newest);
    return newest === undefined ? newer.slice(-1) : [newest, ...newer];
  }
  return [broken.find((stem) => wanted.startsWith(stem)) ?? chooseBackup(known, wanted).stem];
}

/** The full backup that this one stands on, as far as it is there. */
function stemsBelow(stem: string, { backups, broken }: Holding): readonly string[] {
  const receipt = backups.find((one) => one.stem === stem)?.receipt;
  if (!receipt || receipt.parent === null) return [];
  const { stem: known } = backups.find((one) => one.receipt.id === receipt.parent) ?? {};
  const archives = incrementsIn(receipt).map(({ standsOn }) => standsOn.archive);
  const lost = broken.filter((one) => archives.some((archive) => archive.startsWith(`${one.stem}.`)));
  return [...(known === undefined ? [] : [known]), ...lost.map((one) => one.stem)];
}

/** What holds of an incremental backup, given what was found about the others on that target. */
function standing(one: Verified, backup: KnownBackup, holding: Holding, done: readonly Verified[]): Verified {
  if (one.problem !== undefined || backup.receipt.kind === "full") return one;
  try {
    const { id } = foundationIn(holding, backup).receipt;
    const below = done.find((other) => other.id === id);
    if (below?.result !== "broken") return one;
    const problem = `it stands on full backup '${id}', which is broken`;
    return { ...one, result: "broken", problem };
  } catch (error) {
    return { ...one, result: "broken", problem: describeError(error) };
  }
}

function requireWhole(verified: readonly Verified[]): void {
  if (verified.length === 0) throw new LifeboatError("not-found", "there is no backup to verify");
  const failed = (result: Verified["result"], how: string) => {
    const found = verified.filter((one) => one.result === result);
    const [first] = found;
    if (!first) return undefined;
    const { id, target, problem } = first;
    return `${found.length} of ${verified.length} copies ${how}: '${id}' on '${target}': ${problem}`;
  };
  const broken = failed("broken", "failed");
  if (broken !== undefined) {
    throw new LifeboatError("verification-failed", broken, {
      hint: "Keep older backups, run a new one (lifeboat backup), and look at the storage.",
    });
  }
  const locked = failed("locked", "do not open");
  if (locked !== undefined) {
    throw new LifeboatError("wrong-key", locked, {
      hint: "Give the passphrase or private key that was in use then. Watch for quotes and line ends around it.",
    });
  }
  const unknown = failed("unknown", "could not be looked at");
  if (unknown !== undefined) {
    throw new LifeboatError("failed", unknown, {
      hint: "Nothing is known to be wrong with them. Mend that, and verify again.",
    });
  }
}

async function verifyOne(
  { target }: Holding,
  backup: KnownBackup,
  read: boolean,
  reading: Reading,
  signal: AbortSignal,
): Promise<Verified> {
  const { spool, tools } = reading;
  const { receipt } = backup;
  const found = { backup, target };
  const notes = notesOf(receipt);
  const place = { id: receipt.id, target: target.name, ...(notes.length > 0 ? { notes } : {}) };
  try {
    if (isLocked(receipt, tools)) {
      for (const part of [receipt.archive, receipt.index]) await compareStored(target, part, signal);
      return { ...place, result: "stored" };
    }
    if (read) return { ...place, ...(await readWhole(found, notes, spool, tools, signal)) };
    let entries = 0;
    const damaged = new DamagedFiles();
    await using index = await openStoredIndex(found, reading, signal);
    for await (const batch of index.lines()) {
      entries += batch.length;
      for (const text of batch) {
        const { damage, path } = entryOn({ text }, receipt.index.key);
        if (damage !== undefined) damaged.add(path);
      }
    }
    if (entries !== receipt.index.entries) {
      throw new LifeboatError("verification-failed", `the index has ${entries} entries, not ${receipt.index.entries}`);
    }
    return { ...place, result: "complete", ...noted(notes, damaged) };
  } catch (error) {
    signal.throwIfAborted();
    return { ...place, result: resultOf(error), problem: describeError(error) };
  }
}

async function readWhole(
  found: Found,
  notes: readonly string[],
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<Pick<Verified, "result" | "notes">> {
  const { id, archive, index } = found.backup.receipt;
  try {
    await requireSpace(spool.folder, archive.sizeBytes + index.sizeBytes, "to fetch the backup");
    const fetched = await fetchBackup(found, spool, tools, signal);
    using bar = tools.progress.start(`verify ${id}`, archive.contentBytes);
    const promised = { id, contentBytes: archive.contentBytes, tarBytes: archive.tarBytes };
    const onProgress = (bytes: number) => bar.at(bytes);
    const { damaged } = await verifyArchive({ ...fetched, ...promised, keys: tools.keys, onProgress }, signal);
    return { result: "read", ...noted(notes, damaged) };
  } finally {
    await spool.empty();
  }
}

/** What an error says about the backup: only that its bytes are other ones, or gone, is its own fault. */
function resultOf(error: unknown): "broken" | "locked" | "unknown" {
  if (!(error instanceof LifeboatError)) return "unknown";
  if (error.kind === "wrong-key") return "locked";
  return error.kind === "verification-failed" || error.kind === "not-found" ? "broken" : "unknown";
}

function noted(notes: readonly string[], { sentence }: DamagedFiles): Pick<Verified, "notes"> {
  const all = sentence === undefined ? notes : [...notes, sentence];
  return all.length === 0 ? {} : { notes: all };
}

/** Encrypted to a public key whose private half is kept elsewhere, as it should be. */
function isLocked({ encryption }: Receipt, { keys }: Tools): boolean {
  return encryption.kind === "public-keys" && keys.privateKeys === undefined;
}

async function compareStored(
  target: Target,
  { key, sizeBytes, sha256 }: Receipt["archive" | "index"],
  signal: AbortSignal,
): Promise<void> {
  const stored = await target.digest(key, signal);
  if (stored.sizeBytes === sizeBytes && stored.sha256 === sha256) return;
  throw new LifeboatError("verification-failed", `'${key}' is damaged: its SHA-256 is not the one in its receipt`);
}

function asVerified({ stem, problem }: Holding["broken"][number], { target }: Holding): Verified {
  return { id: stem, target: target.name, result: resultOf(problem), problem: describeError(problem) };
}

function tellOrphans({ target, orphans }: Holding, run: Conduct): void {
  for (const { keys } of orphans) {
    run.warn(
      `${keys.map((key) => `'${key}'`).join(" and ")} on '${target.name}' without a receipt: this is no backup`,
      {
        hint: "Left by a run that was cut off. A later backup removes it once it is a day old.",
      },
    );
  }
}
