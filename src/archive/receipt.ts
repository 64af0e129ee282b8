import { LifeboatError } from "../errors.ts";
import type { Authenticator } from "./authenticator.ts";
import { canonicalBytes } from "./canonical.ts";
import { receiptSchema, type Receipt, type ReceiptFields } from "./receipt-schema.ts";

export { authenticate, opensWithMethodOf, type Authenticated } from "./authentication.ts";
export { knownSigner, openAuthenticator, openSigner, type Authenticator } from "./authenticator.ts";
export type { Receipt, ReceiptFields } from "./receipt-schema.ts";

/** The bytes of a receipt, as they are stored: canonical JSON (RFC 8785) and a newline, authenticated. */
export function sealReceipt(fields: ReceiptFields, authenticator: Authenticator): Buffer {
  const unproven = { ...fields, authentication: authenticator.method };
  const proof = authenticator.prove(canonicalBytes(unproven));
  const receipt = { ...fields, authentication: { ...authenticator.method, ...proof } };
  const bytes = canonicalBytes(receipt);
  parseReceipt(bytes);
  return bytes;
}

/**
 * Reads a receipt's structure; whether it is authentic, `authenticate` tells. Bytes that differ in any way from what
 * this program writes are refused, so no bit can flip unnoticed. Throws "verification-failed".
 */
export function parseReceipt(bytes: Buffer): Receipt {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new LifeboatError("verification-failed", "a receipt is damaged: it is not JSON", { cause: error });
  }
  const parsed = receiptSchema.safeParse(value);
  if (!parsed.success) throw refused(value, parsed.error);
  const receipt = parsed.data;
  requireOneStory(receipt);
  if (!canonicalBytes(receipt).equals(bytes)) {
    throw new LifeboatError(
      "verification-failed",
      `the receipt of backup '${receipt.id}' is not in its canonical form`,
    );
  }
  return receipt;
}

/** What opens a file goes by its name, so a receipt must not call encrypted what its names call plain. */
function requireOneStory({ id, encryption, archive, index }: Receipt): void {
  const isEncrypted = encryption.kind !== "none";
  if ([archive, index].every(({ key }) => key.endsWith(".gpg") === isEncrypted)) return;
  throw new LifeboatError(
    "verification-failed",
    `the receipt of backup '${id}' says '${encryption.kind}' of its encryption, and the names of its files say otherwise`,
  );
}

function refused(value: unknown, cause: unknown): LifeboatError {
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (typeof format === "number" && format > 1) {
    return new LifeboatError(
      "verification-failed",
      `a receipt is of format ${format}, which this version cannot read`,
      {
        hint: "Use the version of lifeboat that wrote it, or a newer one.",
      },
    );
  }
  return new LifeboatError("verification-failed", "a receipt is damaged: it is not what a receipt looks like", {
    cause,
  });
}
