import type { Receipt } from "../../archive/receipt.ts";
import { LifeboatError } from "../../errors.ts";
import { physicalFolder } from "../../sources/postgres/file-names.ts";
import {
  recordedPhysical,
  serverOfPhysical,
  standsOn,
  type RecordedPhysical,
  type StandsOn,
} from "../../sources/postgres/physical/foundation.ts";
import type { Holding, KnownBackup } from "./catalogue.ts";

/** A base backup in a backup that holds only what has changed since another one. */
export interface Increment {
  /** As the receipt names it. */
  readonly name: string;
  readonly server: string;
  /** Where it is in the backup: relative to the sources. */
  readonly folder: string;
  readonly recorded: RecordedPhysical;
  readonly standsOn: StandsOn;
}

/** None in a full backup. */
export function incrementsIn({ sources }: Pick<Receipt, "sources">): readonly Increment[] {
  return sources.flatMap((source) => {
    const on = standsOn(source);
    if (!on) return [];
    const { name } = source;
    const server = serverOfPhysical(name);
    return [{ name, server, folder: physicalFolder(server), recorded: recordedPhysical(source), standsOn: on }];
  });
}

/**
 * The full backup that an incremental stands on, on the same target: with an authentic receipt, an archive and an index
 * of the size that this promises, and the very base backups that the increments were taken against.
 * Throws "verification-failed", or "wrong-key", with the missing link named.
 */
export function foundationIn({ target, backups, broken }: Holding, { receipt, stem }: KnownBackup): KnownBackup {
  const [first] = incrementsIn(receipt);
  const { id = receipt.parent, archive = undefined } = first
    ? { id: first.standsOn.backup, archive: first.standsOn.archive }
    : {};
  const link = `backup '${receipt.id}' stands on full backup '${id}'`;
  const full = backups.find((one) => one.receipt.id === receipt.parent);
  if (!full) {
    const found = broken.find((one) => archive?.startsWith(`${one.stem}.`));
    const kind = found?.problem.kind === "wrong-key" ? "wrong-key" : "verification-failed";
    const how = found ? "cannot be trusted" : "is not there";
    throw new LifeboatError(kind, `${link}, which ${how} on '${target.name}'`, {
      ...(found ? { cause: found.problem } : {}),
      hint: ELSEWHERE,
    });
  }
  for (const { name, standsOn: on } of incrementsIn(receipt)) {
    const source = full.receipt.sources.find((one) => one.name === name);
    const isIt = full.receipt.kind === "full" && on.backup === full.receipt.id;
    if (isIt && source?.facts["manifestSha256"] === on.manifestSha256 && !source.facts["standsOn"]) continue;
    throw new LifeboatError(
      "verification-failed",
      `${link}, which has another base backup of '${name}' than '${stem}' was taken against`,
      {
        hint: ELSEWHERE,
      },
    );
  }
  return full;
}

const ELSEWHERE =
  "Look at another target (--target). What is no base backup is whole in this one: restore it by its path, with --only.";
