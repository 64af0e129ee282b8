import { randomBytes } from "node:crypto";
import { encryptSessionKey, enums } from "openpgp";
import { LifeboatError } from "../errors.ts";
import type { SealingKey } from "./format.ts";
import { readSealingKeys } from "./keys.ts";
import { encryptedData } from "./seipd-writer.ts";
import type { Bytes } from "./through-child.ts";

/** Encrypts to `key`; "none" leaves the bytes as they are. */
export async function* encrypted(plain: Bytes, key: SealingKey): AsyncGenerator<Buffer, void> {
  if (key.kind === "none") {
    yield* plain;
    return;
  }
  const { sessionKey, packets } = await newSessionKey(key);
  yield packets;
  yield* encryptedData(plain, sessionKey);
}

/**
 * A key (32 bytes) for the data of one file, and the packets before the data, which hold it: locked with the passphrase
 * or with each of the public keys.
 */
export async function newSessionKey(
  key: Exclude<SealingKey, { kind: "none" }>,
): Promise<{ readonly sessionKey: Buffer; readonly packets: Buffer }> {
  const sessionKey = randomBytes(32);
  try {
    const packets = await encryptSessionKey({
      data: sessionKey,
      algorithm: "aes256",
      ...(key.kind === "passphrase"
        ? { passwords: key.passphrase.reveal() }
        : { encryptionKeys: await readSealingKeys(key.armored) }),
      format: "binary",
      config: { aeadProtect: false, s2kType: enums.s2k.iterated, s2kIterationCountByte: 224 },
    });
    return { sessionKey, packets: Buffer.from(packets) };
  } catch (error) {
    if (error instanceof LifeboatError) throw error;
    throw new LifeboatError("failed", "cannot encrypt the session key", { cause: error });
  }
}
