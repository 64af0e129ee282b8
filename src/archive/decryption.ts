import { decryptSessionKeys, readMessage } from "openpgp";
import { LifeboatError } from "../errors.ts";
import { ByteSource } from "./byte-source.ts";
import type { OpeningKeys } from "./format.ts";
import { unlockPrivateKeys } from "./keys.ts";
import { malformedPacket, packetBody, readPacketHeader } from "./packet.ts";
import { decryptedData, opensWith, PREFIX_BYTES } from "./seipd-reader.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Opens an encrypted stream. Resolves once a key fits; then gives what is inside, which is authentic only when its
 * end has been reached. Rejects with "wrong-key" when no key fits, with "verification-failed" when it is damaged.
 */
export async function decrypted(sealed: Bytes, keys: OpeningKeys): Promise<Bytes> {
  const source = new ByteSource(sealed);
  try {
    const { packets, kinds, header } = await readSessionKeyPackets(source);
    const body = new ByteSource(packetBody(source, header));
    const prefix = await body.take(PREFIX_BYTES);
    if (prefix[0] !== 1) throw malformedPacket(`its version is ${prefix[0]}, not 1`);
    const candidates = await sessionKeys(packets, kinds, keys);
    const sessionKey = candidates.find((candidate) => opensWith(candidate, prefix));
    if (!sessionKey) throw wrongKey(kinds);
    return contentOf(source, decryptedData(prefix, remaining(body), sessionKey));
  } catch (error) {
    await source.close();
    throw error;
  }
}

type KeyKinds = ReadonlySet<"passphrase" | "public-key">;

async function readSessionKeyPackets(source: ByteSource) {
  const packets: Buffer[] = [];
  const kinds = new Set<"passphrase" | "public-key">();
  for (let size = 0; size < MAX_SESSION_KEY_BYTES;) {
    const header = await readPacketHeader(source);
    if (!header) break;
    if (header.tag === ENCRYPTED_DATA) return { packets: Buffer.concat(packets), kinds, header };
    if ((header.tag !== PKESK && header.tag !== SKESK) || header.partial || header.length > MAX_SESSION_KEY_BYTES)
      break;
    kinds.add(header.tag === SKESK ? "passphrase" : "public-key");
    packets.push(header.bytes, await source.take(header.length));
    size += header.bytes.length + header.length;
  }
  throw malformedPacket("it is not an encrypted message of the kind that backups are");
}

/** What the session key may be: several, as a wrong RSA key is only told from the right one by trying its result. */
async function sessionKeys(packets: Buffer, kinds: KeyKinds, keys: OpeningKeys): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  const attempts = [
    ...(kinds.has("passphrase") && keys.passphrase ? [{ passwords: keys.passphrase.reveal() }] : []),
    ...(kinds.has("public-key") && keys.privateKeys?.length ? [{ decryptionKeys: await unlockPrivateKeys(keys) }] : []),
  ];
  if (attempts.length === 0) throw missingKey(kinds);
  for (const attempt of attempts) {
    try {
      const message = await readMessage({ binaryMessage: packets });
      const opened = await decryptSessionKeys({ message, ...attempt });
      found.push(...opened.filter(({ algorithm }) => algorithm === "aes256").map(({ data }) => data));
    } catch {
      // The caller tells that no key fits; openpgp's words for it ("Error decrypting session keys") add nothing.
    }
  }
  return found;
}

function wrongKey(kinds: KeyKinds): LifeboatError {
  const what = kinds.has("passphrase") ? "the passphrase is wrong" : "none of the private keys is the right one";
  return new LifeboatError("wrong-key", what, {
    hint: "Nothing was touched. Give the key that was in use when this backup was made.",
  });
}

function missingKey(kinds: KeyKinds): LifeboatError {
  const [what, setting] = kinds.has("passphrase")
    ? ["a passphrase is needed to open this", "GPG_PASSPHRASE"]
    : ["a private key is needed to open this", "GPG_PRIVATE_KEY"];
  return new LifeboatError("wrong-key", what, { hint: `Set ${setting} to the one this backup was made for.` });
}

async function* remaining(body: ByteSource): AsyncGenerator<Buffer, void> {
  for (let bytes = await body.some(Infinity); bytes; bytes = await body.some(Infinity)) yield bytes;
}

async function* contentOf(source: ByteSource, content: Bytes): AsyncGenerator<Buffer, void> {
  try {
    yield* content;
    if (await source.some(1)) throw malformedPacket("something follows after its end");
  } finally {
    await source.close();
  }
}

const PKESK = 1;
const SKESK = 3;
const ENCRYPTED_DATA = 18;
/** Room for a hundred recipients with the largest of keys. */
const MAX_SESSION_KEY_BYTES = 256 * 1024;
