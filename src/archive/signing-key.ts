import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../errors.ts";
import { isSystemError, writeAtomically } from "../system/files.ts";

/** The key that signs receipts where no passphrase can authenticate them. Made at first use, mode 0600. */
export async function openSigningKey(stateFolder: string): Promise<KeyObject> {
  const existing = await readSigningKey(stateFolder);
  if (existing) return existing;
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeAtomically(keyFile(stateFolder), privateKey.export({ format: "pem", type: "pkcs8" }).toString());
  return privateKey;
}

/** The key in the state folder, if there is one. Rejects when it cannot be read. */
export async function readSigningKey(stateFolder: string): Promise<KeyObject | undefined> {
  const path = keyFile(stateFolder);
  try {
    return createPrivateKey(await readFile(path));
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw new LifeboatError("failed", `the key that signs receipts, '${path}', cannot be read`, {
      hint: "Put it back from a copy of the state folder. Without it, new receipts would be signed by a new key.",
      cause: error,
    });
  }
}

/** The public half, 32 bytes in hex. */
export function publicKeyOf(privateKey: KeyObject): string {
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return Buffer.from(x ?? "", "base64url").toString("hex");
}

export function publicKeyFrom(hex: string): KeyObject {
  const x = Buffer.from(hex, "hex").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/** What a person compares: the SHA-256 of the public key, in ssh's way of writing it. */
export function fingerprintOf(publicKeyHex: string): string {
  const digest = createHash("sha256").update(Buffer.from(publicKeyHex, "hex")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

function keyFile(stateFolder: string): string {
  return join(stateFolder, "receipt-signing-key.pem");
}
