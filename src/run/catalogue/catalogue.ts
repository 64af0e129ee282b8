import { createHash } from "node:crypto";
import { authenticate, parseReceipt, type Receipt } from "../../archive/receipt.ts";
import { hintOf, LifeboatError } from "../../errors.ts";
import { parseKey } from "../../plan/names.ts";
import type { StoredObject, Target } from "../../targets/target.ts";
import type { Tools } from "../conduct/tools.ts";

/** A complete backup as one target shows it: an authentic receipt, and archive and index of the promised size. */
export interface KnownBackup {
  readonly stem: string;
  readonly receiptKey: string;
  readonly receipt: Receipt;
  /** SHA-256 of the receipt's bytes; the next receipt's `previous`. */
  readonly receiptSha256: string;
  readonly receiptBytes: Buffer;
}

/** Everything under our name on one target, sorted into what is a backup and what is not. */
export interface Holding {
  readonly target: Target;
  /** Oldest first, by sequence number. */
  readonly backups: readonly KnownBackup[];
  /** Receipts that cannot be trusted, or whose archive or index is missing or has another size. */
  readonly broken: readonly { readonly stem: string; readonly problem: LifeboatError }[];
  /** Archives and indexes without a receipt: a run that is under way, or one that was cut off. */
  readonly orphans: readonly { readonly stem: string; readonly keys: readonly string[] }[];
}

/** Reads all receipts of one target. Rejects only when the target cannot be read. */
export async function readHolding(target: Target, tools: Tools, signal: AbortSignal): Promise<Holding> {
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
  const broken: { stem: string; problem: LifeboatError }[] = [];
  const orphans: { stem: string; keys: string[] }[] = [];
  for (const [stem, objects] of stems) {
    const receiptKey = objects.find(isReceipt)?.key;
    const bytes = receiptKey === undefined ? undefined : texts.get(receiptKey);
    if (receiptKey === undefined) orphans.push({ stem, keys: objects.map((object) => object.key) });
    else if (bytes === undefined)
      continue; // Removed between the listing and the reading.
    else {
      try {
        backups.push({ stem, ...(await readBackup(receiptKey, bytes, objects, tools)) });
      } catch (error) {
        broken.push({ stem, problem: asProblem(error, receiptKey) });
      }
    }
  }
  backups.sort((a, b) => a.receipt.sequence - b.receipt.sequence || (a.stem < b.stem ? -1 : 1));
  return { target, backups, broken, orphans };
}

async function readBackup(
  receiptKey: string,
  bytes: Buffer,
  objects: readonly StoredObject[],
  { config, keys }: Tools,
): Promise<Omit<KnownBackup, "stem">> {
  const receipt = parseReceipt(bytes);
  await authenticate(receipt, keys);
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
  if (parseKey(receipt.archive.key, config.name)?.stem !== parseKey(receiptKey, config.name)?.stem) {
    throw new LifeboatError("verification-failed", `receipt '${receiptKey}' is that of '${receipt.archive.key}'`);
  }
  return { receiptKey, receipt, receiptBytes: bytes, receiptSha256: createHash("sha256").update(bytes).digest("hex") };
}

function asProblem(error: unknown, receiptKey: string): LifeboatError {
  const kind = error instanceof LifeboatError ? error.kind : "verification-failed";
  return new LifeboatError(kind, `'${receiptKey}' is not the receipt of a whole backup`, {
    cause: error,
    ...hintIn(error),
  });
}

function hintIn(error: unknown): { hint?: string } {
  const hint = hintOf(error);
  return hint === undefined ? {} : { hint };
}

/** Reads every target at once. A target that cannot be read is given as its error, and the others go on. */
export async function readAllHoldings(
  tools: Tools,
  signal: AbortSignal,
): Promise<{ holdings: readonly Holding[]; unreadable: readonly { target: Target; error: unknown }[] }> {
  const results = await Promise.allSettled(tools.targets.map((target) => readHolding(target, tools, signal)));
  signal.throwIfAborted();
  const holdings: Holding[] = [];
  const unreadable: { target: Target; error: unknown }[] = [];
  results.forEach((result, at) => {
    const target = tools.targets[at];
    if (result.status === "fulfilled") holdings.push(result.value);
    else if (target) unreadable.push({ target, error: result.reason });
  });
  return { holdings, unreadable };
}
