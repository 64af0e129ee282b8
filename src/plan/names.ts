import { LifeboatError } from "../errors.ts";

export type BackupKind = "full" | "incr";
export type Compression = "zst" | "gz" | "none";

/** What a key on a target says about itself. */
export interface KeyName {
  /** What archive, index, receipt and pin of one backup have in common. */
  readonly stem: string;
  readonly part: "archive" | "index" | "receipt" | "pin";
  readonly kind: BackupKind;
  /** To the second. */
  readonly takenAt: Date;
}

/** `<name>-<yyyymmddThhmmssZ>-<full|incr>`: stems of one name sort by time. */
export function backupStem(name: string, takenAt: Date, kind: BackupKind): string {
  const digits = takenAt.toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  return `${name}-${digits}-${kind}`;
}

export function archiveKey(stem: string, compression: Compression, encrypted: boolean): string {
  return `${stem}.tar${endings(compression, encrypted)}`;
}

export function indexKey(stem: string, compression: Compression, encrypted: boolean): string {
  return `${stem}.index${endings(compression, encrypted)}`;
}

export function receiptKey(stem: string): string {
  return `${stem}.receipt.json`;
}

/** While there is an object of that name beside a backup, it is pinned. */
export function pinKey(stem: string): string {
  return `${stem}.pin.json`;
}

function endings(compression: Compression, encrypted: boolean): string {
  return (compression === "none" ? "" : `.${compression}`) + (encrypted ? ".gpg" : "");
}

/**
 * Reads a key back. Undefined for everything that is not a part of a backup of this very `name`: what cannot be read
 * here is never touched by pruning.
 */
export function parseKey(key: string, name: string): KeyName | undefined {
  if (!key.startsWith(`${name}-`)) return undefined;
  const found = KEY.exec(key.slice(name.length + 1));
  if (!found) return undefined;
  const [, stamp = "", kind, sealed, plain] = found;
  const takenAt = readStamp(stamp);
  if (!takenAt || (kind !== "full" && kind !== "incr")) return undefined;
  const part = PARTS[sealed ?? plain ?? ""];
  return part && { stem: `${name}-${stamp}-${kind}`, part, kind, takenAt };
}

/** Objects of a run that is still under way have no receipt yet; after a day nothing is under way any more. */
const LONG_OVER_MS = 24 * 60 * 60 * 1000;

/** True for a part of a backup of this very `name` that was begun so long ago that nobody is storing it any more. */
export function isLongOver(key: string, name: string, now: Date): boolean {
  const parsed = parseKey(key, name);
  return parsed !== undefined && now.getTime() - parsed.takenAt.getTime() > LONG_OVER_MS;
}

const KEY = /^(\d{8}T\d{6}Z)-(full|incr)\.(?:(tar|index)(?:\.(?:zst|gz))?(?:\.gpg)?|(receipt|pin)\.json)$/;
const PARTS: Readonly<Record<string, KeyName["part"]>> = {
  tar: "archive",
  index: "index",
  receipt: "receipt",
  pin: "pin",
};

function readStamp(stamp: string): Date | undefined {
  const iso = stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6.000Z");
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) || date.toISOString() !== iso ? undefined : date;
}

/** A clock that was put right by NTP after a start is off by less than this; more than it is a clock that is wrong. */
const MAX_BUMP_MS = 5 * 60 * 1000;

/**
 * The stem of the next backup: it sorts after every one of the `backups`, and no `stray` has its time. When the clock is
 * behind the newest backup it is that one's next second, or, by more than five minutes, an error: backups that sort
 * wrongly would make retention remove the wrong ones. Strays are whatever else has a name like that: anybody may have
 * put them there, so they say nothing about the clock.
 */
export function nextStem(
  next: { readonly name: string; readonly kind: BackupKind; readonly takenAt: Date },
  { backups, strays }: { readonly backups: readonly string[]; readonly strays: readonly string[] },
): string {
  const timeOf = (stem: string) => parseKey(receiptKey(stem), next.name)?.takenAt.getTime() ?? -Infinity;
  const newestStem = backups.reduce<string | undefined>(
    (best, stem) => (best !== undefined && timeOf(best) >= timeOf(stem) ? best : stem),
    undefined,
  );
  const newest = newestStem === undefined ? -Infinity : timeOf(newestStem);
  const now = Math.floor(next.takenAt.getTime() / 1000) * 1000;
  if (newest - now > MAX_BUMP_MS) {
    const newestAt = new Date(newest).toISOString();
    throw new LifeboatError(
      "failed",
      `the clock says ${next.takenAt.toISOString()}, which is behind the newest backup of '${next.name}' (${newestAt}), '${newestStem}'`,
      {
        hint: "Set the clock right. If it is right now, the newest backup was made by a wrong one: move its files away.",
      },
    );
  }
  const taken = new Set(strays.map(timeOf));
  let free = Math.max(now, newest + 1000);
  while (taken.has(free)) free += 1000;
  return backupStem(next.name, new Date(free), next.kind);
}

/** The strays that are named for a time after `now`: no run of this sidecar gave them that. */
export function straysToCome(strays: readonly string[], name: string, now: Date): readonly string[] {
  const timeOf = (stem: string) => parseKey(receiptKey(stem), name)?.takenAt.getTime() ?? -Infinity;
  return strays.filter((stem) => timeOf(stem) - now.getTime() > MAX_BUMP_MS);
}
