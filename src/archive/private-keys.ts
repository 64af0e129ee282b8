import { readPrivateKeys, SecretKeyPacket, SecretSubkeyPacket, type KeyID, type PrivateKey } from "openpgp";
import { LifeboatError } from "../errors.ts";
import type { OpeningKeys } from "./format.ts";

/** Private keys, of which no more is unlocked than was asked for. */
export interface PrivateKeyRing {
  readonly unlocked: readonly PrivateKey[];
  /** Why parts that were asked for stay locked. */
  readonly locked: readonly LifeboatError[];
}

/**
 * Reads the private keys among `keys` and unlocks what of them has one of the ids that a message is `wantedBy`: the rest
 * (a stranger's key, a primary key that is kept offline) may be locked or missing. Rejects with "wrong-key" if a key
 * cannot be read.
 */
export async function openKeyRing(keys: OpeningKeys, wantedBy: readonly KeyID[]): Promise<PrivateKeyRing> {
  const unlocked: PrivateKey[] = [];
  const locked: LifeboatError[] = [];
  for (const secret of keys.privateKeys ?? []) {
    for (const key of await readPrivate(secret.reveal())) {
      locked.push(...(await unlock(key, wantedBy, keys.privateKeyPassphrase?.reveal())));
      if (key.isDecrypted()) unlocked.push(key);
    }
  }
  return { unlocked, locked };
}

async function readPrivate(armoredKeys: string): Promise<PrivateKey[]> {
  try {
    return await readPrivateKeys({ armoredKeys });
  } catch (error) {
    throw new LifeboatError("wrong-key", "the private key cannot be read", {
      hint: "Give what `gpg --armor --export-secret-keys FINGERPRINT` prints, all lines of it.",
      cause: error,
    });
  }
}

/** Why parts that are wanted stay locked. In the key, all that is locked is marked as missing: openpgp passes it over. */
async function unlock(
  key: PrivateKey,
  wantedBy: readonly KeyID[],
  passphrase: string | undefined,
): Promise<LifeboatError[]> {
  const named = `private key '${key.getFingerprint().toUpperCase()}'`;
  const reasons: LifeboatError[] = [];
  for (const part of key.getKeys()) {
    const packet = part.keyPacket;
    if (!(packet instanceof SecretKeyPacket || packet instanceof SecretSubkeyPacket) || packet.isDecrypted()) continue;
    const isWanted = wantedBy.some((id) => id.equals(part.getKeyID(), true));
    const why = isWanted ? await unlockPart(packet, named, passphrase) : undefined;
    if (why) reasons.push(why);
    if (why || !isWanted) packet.makeDummy();
  }
  return reasons;
}

/** Why it stays locked; undefined if it does not. */
async function unlockPart(
  packet: SecretKeyPacket | SecretSubkeyPacket,
  named: string,
  passphrase: string | undefined,
): Promise<LifeboatError | undefined> {
  if (packet.isMissingSecretKeyMaterial()) {
    return new LifeboatError("wrong-key", `${named} lacks the part that opens this: it is kept offline, or on a card`, {
      hint: "Export the key where it is whole: `gpg --armor --export-secret-subkeys FINGERPRINT`, or decrypt there.",
    });
  }
  if (passphrase === undefined) {
    return new LifeboatError("wrong-key", `${named} is locked with a passphrase`, {
      hint: "Set GPG_PRIVATE_KEY_PASSPHRASE.",
    });
  }
  try {
    await packet.decrypt(passphrase);
    await packet.validate();
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Incorrect key passphrase")) {
      return new LifeboatError("wrong-key", `the passphrase of ${named} is wrong`, {
        hint: "Nothing was touched. Set GPG_PRIVATE_KEY_PASSPHRASE to the one that gpg asks for when it uses this key.",
      });
    }
    return new LifeboatError("wrong-key", `${named} cannot be unlocked`, {
      cause: error,
      hint: "Lock it anew with 'gpg --change-passphrase FINGERPRINT' and export it again, or decrypt with gpg itself.",
    });
  }
}
