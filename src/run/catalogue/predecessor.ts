import type { Receipt } from "../../archive/receipt.ts";
import type { Holding } from "./catalogue.ts";
import { rememberedReceipt } from "./remembered.ts";
import type { Tools } from "../conduct/tools.ts";

/** The backup that the next one follows: its sequence number counts on, its digest is named, its salt is reused. */
export interface Predecessor {
  /** Absent where there is none that can be trusted. */
  readonly receipt?: Receipt;
  /** Of the receipt's bytes as stored. */
  readonly sha256: string | null;
  /** The number that the next one follows; 0 for the first. */
  readonly sequence: number;
}

/** The newest receipt on any target; where none can be read, the one this sidecar wrote last. */
export async function newestReceipt(holdings: readonly Holding[], tools: Tools): Promise<Predecessor> {
  const remembered = await rememberedReceipt(tools);
  const known = holdings.flatMap((holding) => holding.backups);
  const newest = known.reduce<(typeof known)[number] | undefined>(
    (best, backup) => (best && best.receipt.sequence >= backup.receipt.sequence ? best : backup),
    undefined,
  );
  if (newest && newest.receipt.sequence >= (remembered?.receipt.sequence ?? 0)) {
    return { receipt: newest.receipt, sha256: newest.receiptSha256, sequence: newest.receipt.sequence };
  }
  if (remembered) return { ...remembered, sequence: remembered.receipt.sequence };
  return { sha256: null, sequence: sequenceOfStrangers(holdings) };
}

/** More than a backup a minute for a thousand years: what is above it counts nothing. */
const HIGHEST_SEQUENCE = 1_000_000_000;

/**
 * A sidecar that lost its state folder, and its signing key with it, finds its own receipts signed by a stranger. Once
 * the operator names that one in BACKUP_SIGNER, the new backups must still be the newer ones.
 */
function sequenceOfStrangers(holdings: readonly Holding[]): number {
  const sequences = holdings.flatMap(({ broken }) => broken.map(({ receipt }) => receipt?.sequence ?? 0));
  return Math.max(0, ...sequences.filter((sequence) => sequence <= HIGHEST_SEQUENCE));
}
