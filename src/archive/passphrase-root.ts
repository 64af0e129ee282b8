import { createHmac, hkdfSync, scrypt } from "node:crypto";
import { promisify } from "node:util";
import type { Secret } from "../system/secret.ts";
import type { PassphraseMethod } from "./receipt-schema.ts";

/** What a passphrase proves a receipt with. */
export interface PassphraseProof {
  /** Hex; the same for the same passphrase and salt, and says nothing about either. */
  readonly check: string;
  /** HMAC-SHA256 in hex. */
  mac(bytes: Buffer): string;
  /** 32 bytes that seal what is remembered of backups in the state folder; nothing on a target depends on them. */
  readonly memoryKey: Buffer;
}

/** N=2^15, r=8: about 100 ms and 32 MiB. Guessing through gpg's own S2K of the archive beside it costs far less. */
export const SCRYPT_COST = { n: 2 ** 15, r: 8, p: 1 } as const;

/** Derives the keys for receipts from a passphrase; once for each salt, as all receipts of a name share one. */
export async function proofOf(passphrase: Secret, kdf: PassphraseMethod["kdf"]): Promise<PassphraseProof> {
  const key = JSON.stringify(kdf);
  const known = derived.get(passphrase) ?? new Map<string, Promise<PassphraseProof>>();
  derived.set(passphrase, known);
  let proof = known.get(key);
  if (!proof) {
    proof = derive(passphrase, kdf);
    known.set(key, proof);
  }
  return await proof;
}

const derived = new WeakMap<Secret, Map<string, Promise<PassphraseProof>>>();

async function derive(passphrase: Secret, { salt, n, r, p }: PassphraseMethod["kdf"]): Promise<PassphraseProof> {
  const options = { N: n, r, p, maxmem: 256 * 1024 * 1024 };
  const root = await deriveRoot(passphrase.reveal(), Buffer.from(salt, "hex"), options);
  const subkey = (purpose: string, bytes: number) => Buffer.from(hkdfSync("sha256", root, "", purpose, bytes));
  const macKey = subkey("lifeboat receipt mac v1", 32);
  return {
    check: subkey("lifeboat passphrase check v1", 16).toString("hex"),
    memoryKey: subkey("lifeboat remembered indexes v1", 32),
    mac: (bytes) => createHmac("sha256", macKey).update(bytes).digest("hex"),
  };
}

const scryptAsync = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

async function deriveRoot(
  passphrase: string,
  salt: Buffer,
  options: Parameters<typeof scryptAsync>[3],
): Promise<Buffer> {
  return await scryptAsync(passphrase, salt, 32, options);
}
