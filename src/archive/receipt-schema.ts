import { z } from "zod";
import { FORMAT_VERSION } from "./format.ts";

const count = z.number().int().nonnegative();
const id = z.string().regex(/^[0-9a-f]{8}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime();
const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));

const passphraseMethod = z.strictObject({
  kind: z.literal("passphrase"),
  /** scrypt's parameters; bounded, as whoever reads the receipt pays for them. */
  kdf: z.strictObject({
    salt: hex(16),
    n: z.union([z.literal(2 ** 14), z.literal(2 ** 15), z.literal(2 ** 16), z.literal(2 ** 17)]),
    r: z.literal(8),
    p: z.literal(1),
  }),
  /** Tells a wrong passphrase from a changed receipt. */
  check: hex(16),
  /** HMAC-SHA256. */
  mac: hex(32),
});

const signatureMethod = z.strictObject({
  kind: z.literal("ed25519"),
  publicKey: hex(32),
  signature: hex(64),
});

const fields = {
  format: z.literal(FORMAT_VERSION),
  id,
  /** Counts up by one with each backup of that name. */
  sequence: count.min(1),
  name: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
  kind: z.enum(["full", "incr"]),
  parent: id.nullable(),
  takenAt: instant,
  finishedAt: instant,
  tool: z.strictObject({ name: z.string(), version: z.string() }),
  compression: z.enum(["zst", "gz", "none"]),
  encryption: z.strictObject({
    kind: z.enum(["passphrase", "public-keys", "none"]),
    /** Fingerprints of the public keys, upper-case hex. */
    recipients: z.array(z.string().regex(/^[0-9A-F]{40,64}$/)).readonly(),
  }),
  archive: z.strictObject({
    key: z.string().min(1),
    sizeBytes: count,
    sha256,
    tarBytes: count,
    contentBytes: count,
    counts: z.strictObject({ files: count, folders: count, symlinks: count, hardlinks: count }),
  }),
  index: z.strictObject({ key: z.string().min(1), sizeBytes: count, sha256, entries: count }),
  sources: z
    .array(
      z.strictObject({
        kind: z.enum(["folder", "sqlite", "postgres", "postgres-physical"]),
        name: z.string(),
        outcome: z.enum(["good", "flawed"]),
        flaws: z.array(z.string()).readonly(),
        facts: z.record(z.string(), z.unknown()).readonly(),
      }),
    )
    .readonly(),
  outcome: z.enum(["good", "flawed"]),
  warnings: z.array(z.string()).readonly(),
  /** SHA-256 of the bytes of the receipt before this one; null for the first. */
  previous: sha256.nullable(),
};

const fieldsSchema = z.strictObject(fields);

export const receiptSchema = fieldsSchema.extend({
  authentication: z.discriminatedUnion("kind", [passphraseMethod, signatureMethod]),
});

/** What a receipt says; `sealReceipt` adds how that can be proven. */
export type ReceiptFields = z.infer<typeof fieldsSchema>;
export type Receipt = z.infer<typeof receiptSchema>;
export type PassphraseMethod = Omit<z.infer<typeof passphraseMethod>, "mac">;
export type SignatureMethod = Omit<z.infer<typeof signatureMethod>, "signature">;
