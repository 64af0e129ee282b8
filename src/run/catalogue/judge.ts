import { authenticate, opensWithMethodOf, type Receipt } from "../../archive/receipt.ts";
import { hintOf, LifeboatError } from "../../errors.ts";
import type { Tools } from "../conduct/tools.ts";
import type { Broken, Holding, KnownBackup } from "./holding.ts";
import { rememberedReceipt } from "./remembered.ts";

/** What has a receipt and is no backup, because of `error`. */
export function brokenBy(error: unknown, one: Omit<Broken, "problem">): Broken {
  // It is whole, as far as anybody can see, and says whose it is.
  if (error instanceof LifeboatError && error.kind === "wrong-key") return { ...one, problem: error };
  const kind = error instanceof LifeboatError ? error.kind : "verification-failed";
  const hint = hintOf(error);
  const problem = new LifeboatError(kind, `'${one.receiptKey}' is not the receipt of a whole backup`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
  return { ...one, problem };
}

/** What no receipt shows by itself: whose it is where nobody is known, and what another passphrase really is. */
export async function judgeTogether(holdings: readonly Holding[], tools: Tools): Promise<readonly Holding[]> {
  const refused = refuseRivals(holdings);
  return await Promise.all(refused.map((holding) => judgeLocked(holding, refused, tools)));
}

/**
 * Where nothing says who signs, one signer is taken on trust. Of two, one may be anybody who can write to a target, and
 * which one only the operator knows: then none is taken.
 */
function refuseRivals(holdings: readonly Holding[]): readonly Holding[] {
  const signers = [...new Set(holdings.flatMap(({ backups }) => backups.flatMap(signerOnTrust)))];
  if (signers.length < 2) return holdings;
  return holdings.map((holding) => {
    const rivals = holding.backups.filter((backup) => signerOnTrust(backup).length > 0);
    return {
      ...holding,
      backups: holding.backups.filter((backup) => !rivals.includes(backup)),
      broken: [...holding.broken, ...rivals.map((backup) => brokenBy(rivalOf(backup, signers), backup))],
    };
  });
}

function signerOnTrust({ authenticated: { trust, signer } }: KnownBackup): readonly string[] {
  return trust === "first-use" && signer !== undefined ? [signer] : [];
}

function rivalOf({ authenticated: { signer } }: KnownBackup, signers: readonly string[]): LifeboatError {
  const others = signers.filter((one) => one !== signer).map((one) => `'${one}'`);
  return new LifeboatError(
    "verification-failed",
    `it is signed by '${signer}', others of that name by ${others.join(" and ")}, and nothing here says which is yours`,
    {
      hint: "Set BACKUP_SIGNER to the fingerprint that 'lifeboat list' shows where your backups are made. All others are refused then.",
    },
  );
}

/** Tells a receipt whose salt or check value was changed from one that was made with another passphrase. */
async function judgeLocked(holding: Holding, all: readonly Holding[], tools: Tools): Promise<Holding> {
  const isLocked = ({ problem, receipt }: Broken) =>
    problem.kind === "wrong-key" && receipt?.authentication.kind === "passphrase";
  const { passphrase } = tools.keys;
  if (!passphrase || !holding.broken.some(isLocked)) return holding;
  const opened = await openedReceipts(all, tools);
  if (opened.length === 0) return holding;
  const judged = holding.broken.map(async (one) => {
    if (!isLocked(one) || !one.receipt) return one;
    for (const other of opened) {
      if (await opensWithMethodOf(one.receipt, other, passphrase)) return brokenBy(changedMethod(one.receipt), one);
    }
    return brokenBy(anotherPassphrase(one.receipt), one);
  });
  return { ...holding, broken: await Promise.all(judged) };
}

/** One receipt for each salt among those that the passphrase has proven, the one in the state folder included. */
async function openedReceipts(holdings: readonly Holding[], tools: Tools): Promise<readonly Receipt[]> {
  const bySalt = new Map<string, Receipt>();
  const add = (receipt: Receipt) => {
    if (receipt.authentication.kind === "passphrase") bySalt.set(receipt.authentication.kdf.salt, receipt);
  };
  for (const { receipt } of holdings.flatMap(({ backups }) => backups)) add(receipt);
  const remembered = await rememberedReceipt(tools);
  if (remembered && bySalt.size === 0) {
    const isOurs = await authenticate(remembered.receipt, tools.keys).catch(() => undefined);
    if (isOurs) add(remembered.receipt);
  }
  return [...bySalt.values()];
}

function changedMethod({ id, archive }: Receipt): LifeboatError {
  return new LifeboatError(
    "verification-failed",
    `the receipt of backup '${id}' (${archive.key}) was changed after it was written: its salt or check value is another`,
    { hint: "Use this backup from another target, or another backup." },
  );
}

function anotherPassphrase({ id, archive }: Receipt): LifeboatError {
  return new LifeboatError(
    "wrong-key",
    `backup '${id}' (${archive.key}) does not open with the passphrase that opens others here: it was made with another one, or by somebody else, or its receipt is damaged`,
    {
      hint: "If the passphrase was changed, set GPG_PASSPHRASE to the one that was in use then. If not, move its files away.",
    },
  );
}
