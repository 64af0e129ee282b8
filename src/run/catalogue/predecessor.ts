import { createHash } from "node:crypto";
import { parseReceipt, type Receipt } from "../../archive/receipt.ts";
import { describeError } from "../../errors.ts";
import type { Holding } from "./catalogue.ts";
import { readState } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";

/** The backup that the next one follows: its sequence number counts on, its digest is named, its salt is reused. */
export interface Predecessor {
  readonly receipt?: Receipt;
  /** Of the receipt's bytes as stored. */
  readonly sha256: string | null;
  /** A sentence for the report when something about it must be read. */
  readonly warning?: string;
}

/** The newest receipt on any target; where none can be read, the one this sidecar wrote last. */
export async function newestReceipt(holdings: readonly Holding[], tools: Tools): Promise<Predecessor> {
  const remembered = await rememberedReceipt(tools);
  const known = holdings.flatMap((holding) => holding.backups);
  const newest = known.reduce<(typeof known)[number] | undefined>(
    (best, backup) => (best && best.receipt.sequence >= backup.receipt.sequence ? best : backup),
    undefined,
  );
  const wrongKey = holdings.flatMap((holding) => holding.broken).find(({ problem }) => problem.kind === "wrong-key");
  const warning = wrongKey
    ? { warning: `backup '${wrongKey.stem}' was made with another key: keep the old one, or it cannot be restored` }
    : {};
  if (newest && newest.receipt.sequence >= (remembered?.receipt.sequence ?? 0)) {
    return { receipt: newest.receipt, sha256: newest.receiptSha256, ...warning };
  }
  return remembered ? { ...remembered, ...warning } : { sha256: null, ...warning };
}

async function rememberedReceipt({ config, log }: Tools): Promise<{ receipt: Receipt; sha256: string } | undefined> {
  const text = (await readState(config.state))?.lastReceipt;
  if (text === undefined) return undefined;
  try {
    const bytes = Buffer.from(text, "utf8");
    return { receipt: parseReceipt(bytes), sha256: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    log.warn("the receipt remembered in the state folder cannot be read; the targets' are used", {
      error: describeError(error),
    });
    return undefined;
  }
}
