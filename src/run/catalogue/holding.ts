import type { Authenticated, Receipt } from "../../archive/receipt.ts";
import type { LifeboatError } from "../../errors.ts";
import type { Target } from "../../targets/target.ts";

/** A complete backup as one target shows it: an authentic receipt, and archive and index of the promised size. */
export interface KnownBackup {
  readonly stem: string;
  readonly receiptKey: string;
  readonly receipt: Receipt;
  /** SHA-256 of the receipt's bytes; the next receipt's `previous`. */
  readonly receiptSha256: string;
  readonly receiptBytes: Buffer;
  readonly authenticated: Authenticated;
  /** Kept on this target, whatever retention says. */
  readonly pinned: boolean;
}

/** What has a receipt and is no backup. */
export interface Broken {
  readonly stem: string;
  readonly receiptKey: string;
  readonly problem: LifeboatError;
  /** What its receipt says, as far as it can be read; nothing of it is proven. */
  readonly receipt?: Receipt;
  readonly pinned: boolean;
}

/** Everything under our name on one target, sorted into what is a backup and what is not. */
export interface Holding {
  readonly target: Target;
  /** Oldest first, by sequence number. */
  readonly backups: readonly KnownBackup[];
  /** Receipts that cannot be trusted, or whose archive or index is missing or has another size. */
  readonly broken: readonly Broken[];
  /** Archives and indexes without a receipt: a run that is under way, or one that was cut off. */
  readonly orphans: readonly { readonly stem: string; readonly keys: readonly string[] }[];
}
