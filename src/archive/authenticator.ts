import { randomBytes, sign } from "node:crypto";
import type { SealingKey } from "./format.ts";
import { proofOf, SCRYPT_COST } from "./passphrase-root.ts";
import type { PassphraseMethod, Receipt, SignatureMethod } from "./receipt-schema.ts";
import { fingerprintOf, openSigningKey, publicKeyOf, readSigningKey } from "./signing-key.ts";

/** Proves receipts to be ours. */
export interface Authenticator {
  readonly method: PassphraseMethod | SignatureMethod;
  /** Fingerprint of the signing key ("SHA256:…"); undefined when the passphrase authenticates. */
  readonly signer?: string;
  prove(bytes: Buffer): { readonly mac: string } | { readonly signature: string };
}

/**
 * Gets ready to prove receipts: with the passphrase, the salt taken over from the previous receipt (so that one
 * derivation serves all of them); with public keys or none, with the signing key of the state folder.
 */
export async function openAuthenticator(
  key: SealingKey,
  stateFolder: string,
  previous: Receipt | undefined,
): Promise<Authenticator> {
  if (key.kind !== "passphrase") return await signing(stateFolder);
  const before = previous?.authentication;
  const kdf = before?.kind === "passphrase" ? before.kdf : { salt: randomBytes(16).toString("hex"), ...SCRYPT_COST };
  const proof = await proofOf(key.passphrase, kdf);
  return {
    method: { kind: "passphrase", kdf, check: proof.check },
    prove: (bytes) => ({ mac: proof.mac(bytes) }),
  };
}

/** Fingerprint of the key that signs receipts here, which is made if there is none yet. */
export async function openSigner(stateFolder: string): Promise<string> {
  return fingerprintOf(publicKeyOf(await openSigningKey(stateFolder)));
}

/** Fingerprint of the key that signs receipts here, if this state folder ever signed one: one of `OpeningKeys.signers`. */
export async function knownSigner(stateFolder: string): Promise<string | undefined> {
  const key = await readSigningKey(stateFolder);
  return key && fingerprintOf(publicKeyOf(key));
}

async function signing(stateFolder: string): Promise<Authenticator> {
  const privateKey = await openSigningKey(stateFolder);
  const publicKey = publicKeyOf(privateKey);
  return {
    method: { kind: "ed25519", publicKey },
    signer: fingerprintOf(publicKey),
    prove: (bytes) => ({ signature: sign(null, bytes, privateKey).toString("hex") }),
  };
}
