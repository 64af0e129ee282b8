import { ByteSource } from "./byte-source.ts";
import type { EncryptedData } from "./encrypted-data.ts";
import { onlyGpgOpens } from "./foreign-cipher.ts";
import { literalContent } from "./literal-packet.ts";
import { ocbFrom } from "./ocb-reader.ts";
import { malformedPacket, packetBody, readPacketHeader, type PacketHeader } from "./packet.ts";
import { seipdFrom } from "./seipd-reader.ts";
import type { Bytes } from "./through-child.ts";

/** How the session key of a message may be locked. */
export type KeyKinds = ReadonlySet<"passphrase" | "public-key">;

/** The packets before the data, each with the session key, locked. */
export interface Locks {
  /** As they are. */
  readonly bytes: Buffer;
  readonly kinds: KeyKinds;
  /** OpenPGP's numbers of the ciphers that passphrases lock with: as good as always that of the data. */
  readonly passphraseCiphers: ReadonlySet<number>;
}

/** An encrypted message, read up to its data. */
export interface Message {
  readonly source: ByteSource;
  readonly locks: Locks;
  readonly data: EncryptedData;
}

/**
 * Reads the head of an encrypted stream. Rejects with "verification-failed" if it has none, and with "failed" if it is
 * one that only other programs open.
 */
export async function openMessage(sealed: Bytes): Promise<Message> {
  const source = new ByteSource(sealed);
  try {
    const { locks, header } = await readLocks(source);
    return { source, locks, data: await openData(header, new ByteSource(packetBody(source, header))) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openData(header: PacketHeader, body: ByteSource): Promise<EncryptedData> {
  if (header.tag === WITHOUT_INTEGRITY) {
    throw onlyGpgOpens("has no integrity code, as GnuPG 1.4 makes it with old ciphers", "--ignore-mdc-error ");
  }
  return header.tag === OCB_DATA ? await ocbFrom(body) : await seipdFrom(body);
}

async function readLocks(source: ByteSource): Promise<{ readonly locks: Locks; readonly header: PacketHeader }> {
  const read: Buffer[] = [];
  const kinds = new Set<"passphrase" | "public-key">();
  const passphraseCiphers = new Set<number>();
  for (let size = 0; size < MAX_LOCKS_BYTES;) {
    const header = await readPacketHeader(source);
    if (!header) break;
    if (DATA_TAGS.includes(header.tag))
      return { locks: { bytes: Buffer.concat(read), kinds, passphraseCiphers }, header };
    if ((header.tag !== PKESK && header.tag !== SKESK) || header.partial || header.length > MAX_LOCKS_BYTES) break;
    const body = await source.take(header.length);
    kinds.add(header.tag === SKESK ? "passphrase" : "public-key");
    if (header.tag === SKESK && body[1] !== undefined) passphraseCiphers.add(body[1]);
    read.push(header.bytes, body);
    size += header.bytes.length + header.length;
  }
  throw malformedPacket("it is not an encrypted message of the kind that backups are");
}

/** What is in the message: authentic only when its end has been reached. Rejects with "verification-failed". */
export async function* contentOf({ source, data }: Message, sessionKey: Uint8Array): AsyncGenerator<Buffer, void> {
  try {
    yield* literalContent(data.packets(sessionKey));
    if (await source.some(1)) throw malformedPacket("something follows after its end");
  } finally {
    await source.close();
  }
}

const PKESK = 1;
const SKESK = 3;
const WITHOUT_INTEGRITY = 9;
const SEIPD = 18;
const OCB_DATA = 20;
const DATA_TAGS: readonly number[] = [WITHOUT_INTEGRITY, SEIPD, OCB_DATA];
/** Room for a hundred recipients with the largest of keys. */
const MAX_LOCKS_BYTES = 256 * 1024;
