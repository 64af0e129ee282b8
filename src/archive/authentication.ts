import { timingSafeEqual, verify } from "node:crypto";
import { LifeboatError } from "../errors.ts";
import type { OpeningKeys } from "./format.ts";
import { proofOf } from "./passphrase-root.ts";
import { canonicalBytes } from "./canonical.ts";
import type { Receipt } from "./receipt-schema.ts";
import { fingerprintOf, publicKeyFrom } from "./signing-key.ts";

/** How a receipt was found to be authentic. */
export interface Authenticated {
  /** Fingerprint of the key that signed it; undefined when the passphrase proved it. */
  readonly signer?: string;
  /** "first-use": nothing here says who should have signed it; a person must compare the fingerprint. */
  readonly trust: "passphrase" | "known-signer" | "first-use";
}

/**
 * Finds out whether a receipt is as its writer left it. Rejects with "wrong-key" when the passphrase is missing or
 * another one, with "verification-failed" when the receipt was changed or signed by someone else.
 */
export async function authenticate(receipt: Receipt, keys: OpeningKeys): Promise<Authenticated> {
  const { authentication: method } = receipt;
  if (method.kind === "passphrase") {
    const { mac, ...unproven } = method;
    await requireMac(receipt, unproven, mac, keys);
    return { trust: "passphrase" };
  }
  const { signature, ...unproven } = method;
  const bytes = canonicalBytes({ ...receipt, authentication: unproven });
  if (!verify(null, bytes, publicKeyFrom(method.publicKey), Buffer.from(signature, "hex"))) throw changed(receipt);
  return trustSigner(receipt, fingerprintOf(method.publicKey), keys);
}

async function requireMac(
  receipt: Receipt,
  method: Omit<Extract<Receipt["authentication"], { kind: "passphrase" }>, "mac">,
  mac: string,
  keys: OpeningKeys,
): Promise<void> {
  const named = `backup '${receipt.id}' (${receipt.archive.key})`;
  if (!keys.passphrase) {
    throw new LifeboatError("wrong-key", `${named} needs a passphrase`, { hint: "Set GPG_PASSPHRASE." });
  }
  const proof = await proofOf(keys.passphrase, method.kdf);
  if (!sameText(proof.check, method.check)) {
    throw new LifeboatError("wrong-key", `${named} was made with another passphrase`, {
      hint: "Set GPG_PASSPHRASE to the one that was in use then. Watch for quotes and line ends around it.",
    });
  }
  if (!sameText(proof.mac(canonicalBytes({ ...receipt, authentication: method })), mac)) throw changed(receipt);
}

function trustSigner(receipt: Receipt, signer: string, keys: OpeningKeys): Authenticated {
  const known = keys.signers ?? [];
  if (known.includes(signer)) return { signer, trust: "known-signer" };
  const named = `the receipt of backup '${receipt.id}' (${receipt.archive.key})`;
  // Without these, whoever can write to the target could put an archive of his own beside those of the operator.
  if (known.length > 0 || keys.passphrase) {
    throw new LifeboatError(
      "verification-failed",
      `${named} is signed by '${signer}', which is neither the key of this state folder nor in BACKUP_SIGNER`,
      { hint: IF_IT_IS_YOURS },
    );
  }
  if (keys.expectEncrypted && receipt.encryption.kind === "none") {
    throw new LifeboatError(
      "verification-failed",
      `${named} is of a backup in clear, which is refused where keys are given, signed by '${signer}', which is not in BACKUP_SIGNER`,
      { hint: IF_IT_IS_YOURS },
    );
  }
  return { signer, trust: "first-use" };
}

const IF_IT_IS_YOURS =
  "If one of your own sidecars made it, add that fingerprint to BACKUP_SIGNER. If not, somebody else can write to the target: move its files away, and restore another backup by its id.";

/**
 * True if a receipt that does not open with the passphrase does so once its salt and check value are those of another
 * receipt: then it was made with this passphrase, and the two were changed after that.
 */
export async function opensWithMethodOf(
  receipt: Receipt,
  other: Receipt,
  passphrase: NonNullable<OpeningKeys["passphrase"]>,
): Promise<boolean> {
  if (receipt.authentication.kind !== "passphrase" || other.authentication.kind !== "passphrase") return false;
  const { mac: _, ...method } = other.authentication;
  const proof = await proofOf(passphrase, method.kdf);
  return sameText(proof.mac(canonicalBytes({ ...receipt, authentication: method })), receipt.authentication.mac);
}

function changed(receipt: Receipt): LifeboatError {
  return new LifeboatError(
    "verification-failed",
    `the receipt of backup '${receipt.id}' (${receipt.archive.key}) was changed after it was written`,
    { hint: "Use this backup from another target, or an older one." },
  );
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
