import { describeError } from "../../errors.ts";
import { chooseBackup } from "../../plan/choose.ts";
import type { Conduct } from "../conduct/conduct.ts";
import type { Tools } from "../conduct/tools.ts";
import type { Broken, Holding, KnownBackup } from "./catalogue.ts";
import { readHoldingsOf, requireTrust } from "./find.ts";

/** One backup as one target has it. */
export interface Copy {
  readonly holding: Holding;
  readonly backup: KnownBackup | Broken;
}

export interface Copies {
  /** Of one backup, not empty. */
  readonly copies: readonly Copy[];
  /** Of every target that was looked at and could be read. */
  readonly holdings: readonly Holding[];
}

/**
 * Every copy of the backup that is wanted, on all targets or the one that is named, for whoever changes what is there. A
 * target that cannot be read is warned of, since nothing can be done there. Something broken is found by its stem or a file
 * name of its own alone. Rejects as `findBackup`.
 */
export async function findCopies(
  wanted: { readonly id: string; readonly target?: string },
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<Copies> {
  const { holdings, unreadable } = await readHoldingsOf(wanted.target, tools, signal);
  if (holdings.length === 0 && unreadable[0]) throw unreadable[0].error;
  for (const { target, error } of unreadable) {
    run.warn(`target '${target.name}' cannot be read, so nothing was changed there: ${describeError(error)}`);
  }
  const stem = chosenStem(wanted.id, holdings);
  const copies = holdings.flatMap((holding) => {
    const backup = [...holding.backups, ...holding.broken].find((one) => one.stem === stem);
    return backup ? [{ holding, backup }] : [];
  });
  return { copies, holdings };
}

function chosenStem(wanted: string, holdings: readonly Holding[]): string {
  const broken = holdings.flatMap((holding) => holding.broken).map(({ stem }) => stem);
  const named = broken.find((stem) => wanted === stem || wanted.startsWith(`${stem}.`));
  if (named !== undefined) return named;
  requireTrust(wanted, holdings);
  const known = holdings.flatMap(({ backups }) => backups).map(({ stem, receipt }) => ({ ...receipt, stem }));
  return chooseBackup(known, wanted).stem;
}
