import { LifeboatError } from "../errors.ts";

export type BackupKind = "full" | "incr";
export type Compression = "zst" | "gz" | "none";

/** What a key on a target says about itself. */
export interface KeyName {
  /** What archive, index and receipt of one backup have in common. */
  readonly stem: string;
  readonly part: "archive" | "index" | "receipt";
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
  const [, stamp = "", kind, body] = found;
  const takenAt = readStamp(stamp);
  if (!takenAt || (kind !== "full" && kind !== "incr")) return undefined;
  const part = body === "tar" ? "archive" : body === "index" ? "index" : "receipt";
  return { stem: `${name}-${stamp}-${kind}`, part, kind, takenAt };
}

/** Objects of a run that is still under way have no receipt yet; after a day nothing is under way any more. */
const LONG_OVER_MS = 24 * 60 * 60 * 1000;

/** True for a part of a backup of this very `name` that was begun so long ago that nobody is storing it any more. */
export function isLongOver(key: string, name: string, now: Date): boolean {
  const parsed = parseKey(key, name);
  return parsed !== undefined && now.getTime() - parsed.takenAt.getTime() > LONG_OVER_MS;
}

const KEY = /^(\d{8}T\d{6}Z)-(full|incr)\.(?:(tar|index)(?:\.(?:zst|gz))?(?:\.gpg)?|receipt\.json)$/;

function readStamp(stamp: string): Date | undefined {
  const iso = stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6.000Z");
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) || date.toISOString() !== iso ? undefined : date;
}

/** A clock that was put right by NTP after a start is off by less than this; more than it is a clock that is wrong. */
const MAX_BUMP_MS = 5 * 60 * 1000;

/**
 * The stem of the next backup: it sorts after every one that exists under the name.
 * When the clock is behind the newest of them it is that one's next second, or, by more than five minutes, an error:
 * backups that sort wrongly would make retention remove the wrong ones.
 */
export function nextStem(
  next: { readonly name: string; readonly kind: BackupKind; readonly takenAt: Date },
  existing: readonly string[],
): string {
  const stamps = existing.map((stem) => parseKey(receiptKey(stem), next.name)?.takenAt.getTime() ?? -Infinity);
  const newest = stamps.reduce((a, b) => Math.max(a, b), -Infinity);
  const now = Math.floor(next.takenAt.getTime() / 1000) * 1000;
  if (now > newest) return backupStem(next.name, next.takenAt, next.kind);
  if (newest - now > MAX_BUMP_MS) {
    const newestAt = new Date(newest).toISOString();
    throw new LifeboatError(
      "failed",
      `the clock says ${next.takenAt.toISOString()}, which is behind the newest backup of '${next.name}' (${newestAt})`,
      {
        hint: "Set the clock right. If it is right now, the newest backup was made by a wrong one: move its files away.",
      },
    );
  }
  return backupStem(next.name, new Date(newest + 1000), next.kind);
}
