import { createHash } from "node:crypto";
import { parseReceipt, type Receipt } from "../../archive/receipt.ts";
import { describeError } from "../../errors.ts";
import { readState } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";

/** The newest receipt that this sidecar wrote, from its state folder, and the SHA-256 of its bytes. */
export async function rememberedReceipt({
  config,
  log,
}: Pick<Tools, "config" | "log">): Promise<{ receipt: Receipt; sha256: string } | undefined> {
  try {
    const text = (await readState(config.state))?.lastReceipt;
    if (text === undefined) return undefined;
    const bytes = Buffer.from(text, "utf8");
    return { receipt: parseReceipt(bytes), sha256: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    log.warn("the receipt remembered in the state folder cannot be read; the targets' are used", {
      error: describeError(error),
    });
    return undefined;
  }
}
