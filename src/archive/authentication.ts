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
  if (keys.signer === signer) return { signer, trust: "known-signer" };
  // Without this, whoever can write to the target could put an archive of his own beside those under the passphrase.
  if (keys.signer === undefined && !keys.passphrase) return { signer, trust: "first-use" };
  throw new LifeboatError(
    "verification-failed",
    `the receipt of backup '${receipt.id}' (${receipt.archive.key}) is signed by '${signer}', which is not known here`,
    { hint: "If that is the sidecar that made it, put its receipt-signing-key.pem into the state folder." },
  );
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
