import { ByteSource } from "./byte-source.ts";
import { malformedPacket, packetBody, readPacketHeader } from "./packet.ts";
import { decryptedData, PREFIX_BYTES } from "./seipd-reader.ts";
import type { Bytes } from "./through-child.ts";

/** How the session key of a message may be locked. */
export type KeyKinds = ReadonlySet<"passphrase" | "public-key">;

/** An encrypted message, read up to its data. */
export interface Message {
  readonly source: ByteSource;
  /** The packets that hold the session key, as they are. */
  readonly locks: Buffer;
  readonly kinds: KeyKinds;
  /** The first bytes of the data packet; they tell whether a session key is the right one. */
  readonly prefix: Buffer;
  /** The data packet's body after them. */
  readonly rest: Bytes;
}

/** Reads the head of an encrypted stream. Rejects with "verification-failed" if it has none. */
export async function openMessage(sealed: Bytes): Promise<Message> {
  const source = new ByteSource(sealed);
  try {
    const { locks, kinds, header } = await readLocks(source);
    const body = new ByteSource(packetBody(source, header));
    const prefix = await body.take(PREFIX_BYTES);
    if (prefix[0] !== 1) throw malformedPacket(`its version is ${prefix[0]}, not 1`);
    return { source, locks, kinds, prefix, rest: remaining(body) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readLocks(source: ByteSource) {
  const locks: Buffer[] = [];
  const kinds = new Set<"passphrase" | "public-key">();
  for (let size = 0; size < MAX_LOCKS_BYTES;) {
    const header = await readPacketHeader(source);
    if (!header) break;
    if (header.tag === ENCRYPTED_DATA) return { locks: Buffer.concat(locks), kinds, header };
    if ((header.tag !== PKESK && header.tag !== SKESK) || header.partial || header.length > MAX_LOCKS_BYTES) break;
    kinds.add(header.tag === SKESK ? "passphrase" : "public-key");
    locks.push(header.bytes, await source.take(header.length));
    size += header.bytes.length + header.length;
  }
  throw malformedPacket("it is not an encrypted message of the kind that backups are");
}

async function* remaining(body: ByteSource): AsyncGenerator<Buffer, void> {
  for (let bytes = await body.some(Infinity); bytes; bytes = await body.some(Infinity)) yield bytes;
}

/** What is in the message: authentic only when its end has been reached. Rejects with "verification-failed". */
export async function* contentOf(
  { source, prefix, rest }: Message,
  sessionKey: Uint8Array,
): AsyncGenerator<Buffer, void> {
  try {
    yield* decryptedData(prefix, rest, sessionKey);
    if (await source.some(1)) throw malformedPacket("something follows after its end");
  } finally {
    await source.close();
  }
}

const PKESK = 1;
const SKESK = 3;
const ENCRYPTED_DATA = 18;
/** Room for a hundred recipients with the largest of keys. */
const MAX_LOCKS_BYTES = 256 * 1024;
