import type { SealedFile } from "../../archive/format.ts";
import { describeError, hintOf, LifeboatError } from "../../errors.ts";
import type { TargetReport } from "../../report/outcome.ts";
import { failpoint } from "../../system/failpoint.ts";
import type { Body, Target } from "../../targets/target.ts";
import { prove } from "../catalogue/prove.ts";
import { bodyAtRest, type NamedBody } from "../conduct/body-at-rest.ts";
import type { Conduct } from "../conduct/conduct.ts";
import type { Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** What one backup brings to every target. */
export interface Cargo {
  readonly archive: { readonly key: string; readonly file: SealedFile };
  readonly index: { readonly key: string; readonly file: SealedFile };
  readonly receipt: { readonly key: string; readonly bytes: Buffer };
  /** Of a backup that is pinned from the start. */
  readonly pin?: { readonly key: string; readonly bytes: Buffer };
}

/**
 * Ships to every target at the same time, but for those that are barred, by name, which fail with that. Resolves with
 * those that hold the whole backup, proven and receipted. A target that fails degrades the run; when none is left,
 * rejects with the first failure.
 */
export async function shipToAll(
  cargo: Cargo,
  barred: ReadonlyMap<string, LifeboatError>,
  spool: Spool,
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<readonly Target[]> {
  const small = [...(cargo.pin ? [cargo.pin] : []), cargo.receipt];
  const bodies = await Promise.all(small.map(({ key, bytes }) => bodyAtRest(key, bytes, spool)));
  const results = await Promise.allSettled(
    tools.targets.map(async (target) => {
      const bar = barred.get(target.name);
      if (bar) throw bar;
      return await shipTo(target, cargo, bodies, tools, signal);
    }),
  );
  const reports = results.map((result, at): TargetReport => {
    const name = tools.targets[at]?.name ?? "";
    if (result.status === "fulfilled") return { target: name, outcome: "shipped", tookMs: result.value };
    return { target: name, outcome: "failed", problem: describeError(result.reason) };
  });
  run.note({ targets: reports });
  signal.throwIfAborted();
  const shipped = tools.targets.filter((_, at) => results[at]?.status === "fulfilled");
  const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  if (shipped.length === 0) {
    throw new LifeboatError("failed", "no target took the backup", { cause: failed[0], ...hint(failed[0]) });
  }
  for (const report of reports) {
    if (report.outcome === "failed") run.warn(`target '${report.target}' did not take the backup: ${report.problem}`);
  }
  return shipped;
}

/** Archive, index, proof, and only then the receipt: until that is there, this is no backup. Gives how long it took. */
async function shipTo(
  target: Target,
  { archive, index }: Cargo,
  receiptLast: readonly NamedBody[],
  { clock, log, progress }: Tools,
  signal: AbortSignal,
): Promise<number> {
  const began = clock.elapsedMs();
  using bar = progress.start(`ship to ${target.name}`, archive.file.sizeBytes);
  const placed: string[] = [];
  const place = async (key: string, body: Body) => {
    await target.put(key, body, signal, key === archive.key ? (sentBytes) => bar.at(sentBytes) : undefined);
    placed.unshift(key);
  };
  try {
    await place(archive.key, archive.file);
    await failpoint("ship:archive", signal);
    await place(index.key, index.file);
    await failpoint("ship:index", signal);
    await prove(target, archive.key, archive.file, signal);
    await prove(target, index.key, index.file, signal);
    await failpoint("ship:proven", signal);
    for (const { key, body } of receiptLast) await place(key, body);
    await failpoint("ship:receipt", signal);
    for (const { key, body } of receiptLast) await prove(target, key, body, signal);
  } catch (error) {
    await takeBack(
      target,
      placed,
      [archive, index, ...receiptLast].map(({ key }) => key),
      log,
    );
    throw error;
  }
  const tookMs = Math.round(clock.elapsedMs() - began);
  log.info("backup shipped and proven", { target: target.name, sizeBytes: archive.file.sizeBytes, tookMs });
  return tookMs;
}

/** Leaves no half backup behind, as far as the target still answers: what stays has no receipt and is swept later. */
async function takeBack(
  target: Target,
  placed: readonly string[],
  all: readonly string[],
  log: Tools["log"],
): Promise<void> {
  // Must also run while everything else is being cancelled, and end before the engine's grace period does.
  const TAKE_BACK_MS = 5000;
  try {
    const signal = AbortSignal.timeout(TAKE_BACK_MS);
    if (placed.length > 0) await target.remove(placed, signal);
    await target.sweep((key) => all.includes(key), signal);
  } catch (error) {
    log.warn("half-shipped backup left behind; it has no receipt and is removed by a later run", {
      target: target.name,
      error: describeError(error),
    });
  }
}

function hint(error: unknown): { hint?: string } {
  const text = hintOf(error);
  return text === undefined ? {} : { hint: text };
}
