import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { seal, type Sealed } from "../../archive/seal.ts";
import { describeError } from "../../errors.ts";
import { archiveKey, indexKey, type BackupKind } from "../../plan/names.ts";
import type { ReleaseFailure } from "../../quiesce/quiescer.ts";
import { standsOn } from "../../sources/postgres/physical/foundation.ts";
import type { Keepsake, SourceFinding } from "../../sources/source.ts";
import { failpoint } from "../../system/failpoint.ts";
import type { Foundations } from "./choose-foundations.ts";
import type { Conduct } from "../conduct/conduct.ts";
import { proveCopies } from "./copy-databases.ts";
import { eventOf, flawsOfReading, isFlaw } from "./read-flaws.ts";
import { snapshotSources, surveyAll, type Snapshots, type Surveyed } from "./snapshot.ts";
import { flawsOfStores } from "./store-flaws.ts";
import { lookAtStores, usedBetween } from "./stores-in-use.ts";
import type { Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** A backup as it lies in the spool: sealed, its containers released, shipped nowhere yet. */
export interface Made {
  readonly id: string;
  /** First part of its keys. */
  readonly stem: string;
  readonly kind: BackupKind;
  /** Id of the full backup that increments in it stand on. */
  readonly parent: string | null;
  readonly takenAt: Date;
  readonly sealed: Sealed;
  readonly findings: readonly SourceFinding[];
  readonly keepsakes: readonly Keepsake[];
}

/** What is to be copied, and how. */
export interface Intent {
  /** First part of its keys, if any increment is in it or none: a server may refuse to give one. */
  readonly stems: Readonly<Record<BackupKind, string>>;
  readonly surveyed: Surveyed;
  readonly foundations: Foundations;
}

/**
 * Hold, copy, seal, release. The seal is inside the hold only if some files are read where they lie.
 * The containers are back when this resolves or rejects.
 */
export async function makeAtRest(
  { stems, surveyed, foundations }: Intent,
  run: Conduct,
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<Made> {
  const { clock, quiescer, log } = tools;
  const hold = await run.step("hold", () => quiescer.hold(signal));
  for (const warning of hold.warnings) run.warn(warning);
  let releasing: Promise<void> | undefined;
  const release = () => (releasing ??= run.step("release", async () => tellFailures(await hold.release(), run)));
  try {
    await failpoint("backup:held", signal);
    const takenAt = clock.now();
    const id = randomBytes(4).toString("hex");
    const snapshots = await run.step("copy", async () => {
      // What is at rest only now may have written its last in between; a stack nobody touched need not be looked at twice.
      const now = hold.touched ? await surveyAll(await spool.makeFolder("lists"), tools, signal) : surveyed;
      return await snapshotSources(now, foundations, spool, tools, signal);
    });
    await failpoint("backup:copied", signal);
    const stores = await lookAtStores(snapshots.files, tools, signal);
    const parent = foundationOf(snapshots);
    const kind = parent === null ? "full" : "incr";
    const stem = stems[kind];
    if (!snapshots.readsInPlace) await release();
    await using proving = beginProving(snapshots, tools, signal);
    const sealed = await run.step("seal", () => sealAll({ id, stem }, snapshots, spool, tools, proving.signal));
    await failpoint("backup:sealed", signal);
    const moved = snapshots.readsInPlace ? flawsOfWaking(await hold.stillAtRest()) : [];
    const used = usedBetween(stores, await lookAtStores(snapshots.files, tools, signal));
    await release();
    const proven = await run.step("prove", () => proving.findings);
    const atRest = hold.held.length > 0;
    noteMovedFiles(sealed, atRest, log);
    const unread = flawsOfReading(sealed.readProblems, atRest);
    const inUse = flawsOfStores(used, tools.docker !== undefined);
    const findings = withFlaws(proven, [...unread, ...moved, ...inUse]);
    const keepsakes = snapshots.all.flatMap(({ keepsake }) => (keepsake ? [keepsake] : []));
    return { id, stem, kind, parent, takenAt, sealed, findings, keepsakes };
  } finally {
    await release();
    if (hold.held.length > 0) {
      log.info("containers released", { held: hold.held, atRestMs: hold.atRestMs() });
    }
  }
}

/** The full backup that increments were taken against, if any was. */
function foundationOf({ all }: Snapshots): string | null {
  return all.map(({ finding }) => standsOn(finding)).find((on) => on !== undefined)?.backup ?? null;
}

interface Proving extends AsyncDisposable {
  readonly findings: Promise<readonly SourceFinding[]>;
  /** Aborts with `signal`, and when a copy turns out to be no good one. */
  readonly signal: AbortSignal;
}

/** Proves the copies while something else goes on with them. Disposing ends it. */
function beginProving({ all }: Snapshots, tools: Tools, signal: AbortSignal): Proving {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const findings = proveCopies(all, tools, either);
  findings.catch((error: unknown) => stop.abort(error));
  return {
    findings,
    signal: either,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the copies are no longer wanted"));
      await Promise.allSettled([findings]);
    },
  };
}

async function sealAll(
  { id, stem }: Pick<Made, "id" | "stem">,
  snapshots: Snapshots,
  spool: Spool,
  { config, progress }: Tools,
  signal: AbortSignal,
): Promise<Sealed> {
  const encrypted = config.encryption.kind !== "none";
  const folder = await spool.makeFolder("sealed");
  using bar = progress.start("seal", snapshots.contentBytes);
  return await seal(
    {
      id,
      lists: snapshots.all.flatMap((snapshot) => snapshot.members),
      compression: config.compression,
      key: config.encryption,
      archivePath: join(folder, archiveKey(stem, config.compression.kind, encrypted)),
      indexPath: join(folder, indexKey(stem, config.compression.kind, encrypted)),
      onProgress: (contentBytes) => bar.at(contentBytes),
    },
    signal,
  );
}

function tellFailures(failures: readonly ReleaseFailure[], run: Conduct): void {
  for (const { kind, container, error } of failures) {
    if (kind === "left-down") run.leftDown(container, error);
    else if (kind === "hook") run.warn(`after-hook of container '${container}' failed: ${describeError(error)}`);
    else run.warn(`container '${container}' is back, but the journal could not be written: ${describeError(error)}`);
  }
}

/** Files read in place while their container ran may be torn. */
function flawsOfWaking(containers: readonly string[]): readonly string[] {
  return containers.map((name) => `container '${name}' was started by someone else while its files were being read`);
}

function noteMovedFiles({ readProblems }: Sealed, atRest: boolean, log: Tools["log"]): void {
  for (const { path, problem } of readProblems.first) {
    if (!isFlaw(problem, atRest)) log.info(eventOf(problem), { path });
  }
}

function withFlaws(found: readonly SourceFinding[], flaws: readonly string[]): readonly SourceFinding[] {
  return found.map((finding) => {
    if (finding.kind !== "folder" || flaws.length === 0) return finding;
    return { ...finding, outcome: "flawed", flaws: [...finding.flaws, ...flaws] };
  });
}
