import { createHash } from "node:crypto";
import { authenticate, parseReceipt, type Receipt } from "../../archive/receipt.ts";
import { LifeboatError } from "../../errors.ts";
import { parseKey, pinKey } from "../../plan/names.ts";
import type { StoredObject, Target } from "../../targets/target.ts";
import type { Tools } from "../conduct/tools.ts";
import type { Broken, Holding, KnownBackup } from "./holding.ts";
import { brokenBy, judgeTogether } from "./judge.ts";

export type { Broken, Holding, KnownBackup } from "./holding.ts";

/** Reads all receipts of one target. Rejects only when the target cannot be read. */
export async function readHolding(target: Target, tools: Tools, signal: AbortSignal): Promise<Holding> {
  const [holding] = await judgeTogether([await readAlone(target, tools, signal)], tools);
  return holding!;
}

/** Each receipt judged by itself. */
async function readAlone(target: Target, tools: Tools, signal: AbortSignal): Promise<Holding> {
  const stems = new Map<string, StoredObject[]>();
  for (const object of await target.list(signal)) {
    const name = parseKey(object.key, tools.config.name);
    if (!name) continue;
    stems.set(name.stem, [...(stems.get(name.stem) ?? []), object]);
  }
  const isReceipt = (object: StoredObject) => parseKey(object.key, tools.config.name)?.part === "receipt";
  const receiptKeys = [...stems.values()].flat().filter(isReceipt);
  const texts = await target.readSmall(
    receiptKeys.map((object) => object.key),
    signal,
  );
  const backups: KnownBackup[] = [];
  const broken: Broken[] = [];
  const orphans: { stem: string; keys: string[] }[] = [];
  for (const [stem, objects] of stems) {
    const receiptKey = objects.find(isReceipt)?.key;
    const bytes = receiptKey === undefined ? undefined : texts.get(receiptKey);
    if (receiptKey === undefined) orphans.push({ stem, keys: objects.map((object) => object.key) });
    else if (bytes === undefined)
      continue; // Removed between the listing and the reading.
    else {
      let receipt: Receipt | undefined;
      const pinned = objects.some(({ key }) => key === pinKey(stem));
      try {
        receipt = parseReceipt(bytes);
        backups.push(await readBackup({ stem, receiptKey, receiptBytes: bytes, receipt, pinned }, objects, tools));
      } catch (error) {
        broken.push(brokenBy(error, { stem, receiptKey, pinned, ...(receipt ? { receipt } : {}) }));
      }
    }
  }
  backups.sort((a, b) => a.receipt.sequence - b.receipt.sequence || (a.stem < b.stem ? -1 : 1));
  return { target, backups, broken, orphans };
}

async function readBackup(
  backup: Pick<KnownBackup, "stem" | "receiptKey" | "receiptBytes" | "receipt" | "pinned">,
  objects: readonly StoredObject[],
  { config, keys }: Tools,
): Promise<KnownBackup> {
  const { stem, receiptKey, receipt } = backup;
  const authenticated = await authenticate(receipt, keys);
  if (parseKey(receipt.archive.key, config.name)?.stem !== stem) {
    throw new LifeboatError("verification-failed", `receipt '${receiptKey}' is that of '${receipt.archive.key}'`);
  }
  for (const part of [receipt.archive, receipt.index]) {
    const stored = objects.find((object) => object.key === part.key);
    if (!stored) throw new LifeboatError("verification-failed", `'${part.key}' is missing, but its receipt is there`);
    if (stored.sizeBytes !== part.sizeBytes) {
      throw new LifeboatError(
        "verification-failed",
        `'${part.key}' has ${stored.sizeBytes} bytes, its receipt says ${part.sizeBytes}`,
      );
    }
  }
  const receiptSha256 = createHash("sha256").update(backup.receiptBytes).digest("hex");
  return { ...backup, receiptSha256, authenticated };
}

/** Reads every target at once. A target that cannot be read is given as its error, and the others go on. */
export async function readAllHoldings(
  tools: Tools,
  signal: AbortSignal,
): Promise<{ holdings: readonly Holding[]; unreadable: readonly { target: Target; error: unknown }[] }> {
  const results = await Promise.allSettled(tools.targets.map((target) => readAlone(target, tools, signal)));
  signal.throwIfAborted();
  const holdings: Holding[] = [];
  const unreadable: { target: Target; error: unknown }[] = [];
  results.forEach((result, at) => {
    const target = tools.targets[at];
    if (result.status === "fulfilled") holdings.push(result.value);
    else if (target) unreadable.push({ target, error: result.reason });
  });
  return { holdings: await judgeTogether(holdings, tools), unreadable };
}
