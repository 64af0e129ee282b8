import { LifeboatError } from "../errors.ts";

/** What a backup is known by. */
export interface Choosable {
  readonly id: string;
  readonly stem: string;
  /** Grows with every backup, also when the clock goes back. */
  readonly sequence: number;
}

/**
 * The one backup that `wanted` means: `latest`, an id, the beginning of just one id, a stem, or one of its file names.
 * Throws "not-found" when there is none, or more than one.
 */
export function chooseBackup<T extends Choosable>(backups: readonly T[], wanted: string): T {
  if (backups.length === 0) {
    throw new LifeboatError("not-found", "there is no backup yet", {
      hint: "If there should be, set BACKUP_NAME and the target as they were when it was made; 'lifeboat backup' makes one now.",
    });
  }
  if (wanted === "latest") return backups.reduce((a, b) => (isNewer(b, a) ? b : a));
  const exact = backups.find(({ id, stem }) => id === wanted || stem === wanted || wanted.startsWith(`${stem}.`));
  if (exact) return exact;
  const found = wanted === "" ? [] : backups.filter(({ id }) => id.startsWith(wanted));
  const ids = new Set(found.map(({ id }) => id));
  const [only] = found;
  if (only && ids.size === 1) return only;
  if (only) {
    throw new LifeboatError(
      "not-found",
      `'${wanted}' is the beginning of ${ids.size} ids: ${[...ids].sort().join(", ")}`,
      {
        hint: "Give more of the id.",
      },
    );
  }
  throw new LifeboatError("not-found", `there is no backup '${wanted}'`, {
    hint: "'lifeboat list' shows the backups there are; 'latest' is the newest of them.",
  });
}

function isNewer(a: Choosable, b: Choosable): boolean {
  return a.sequence === b.sequence ? a.stem > b.stem : a.sequence > b.sequence;
}
