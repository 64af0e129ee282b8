import { createDecipheriv, createHash } from "node:crypto";
import type { EncryptedData } from "./encrypted-data.ts";
import type { ByteSource } from "./byte-source.ts";
import { malformedPacket } from "./packet.ts";
import { onlyOtherProgramsOpen } from "./foreign-cipher.ts";

/**
 * The body of a Symmetrically Encrypted and Integrity Protected Data packet, version 1: AES in CFB, and a SHA-1 at the
 * end. Rejects with "verification-failed", and with "failed" for the version that GnuPG does not make either.
 */
export async function seipdFrom(body: ByteSource): Promise<EncryptedData> {
  const prefix = await body.take(PREFIX_BYTES);
  if (prefix[0] === 2) throw onlyOtherProgramsOpen("is an OpenPGP message of version 2", "the program that made it");
  if (prefix[0] !== 1) throw malformedPacket(`its version is ${prefix[0]}, not 1`);
  return {
    mayOpenWith: (sessionKey) => checkBytesAgree(sessionKey, prefix),
    packets: (sessionKey) => authenticatedPackets(prefix, body, sessionKey),
  };
}

/** Version octet, random prefix and its last two bytes again. */
const PREFIX_BYTES = 1 + 18;

function checkBytesAgree(sessionKey: Uint8Array, prefix: Buffer): boolean {
  const clear = cfbDecipher(sessionKey).update(prefix.subarray(1));
  return clear.subarray(14, 16).equals(clear.subarray(16, 18));
}

async function* authenticatedPackets(
  prefix: Buffer,
  rest: ByteSource,
  sessionKey: Uint8Array,
): AsyncGenerator<Buffer, void> {
  const decipher = cfbDecipher(sessionKey);
  const integrity = createHash("sha1").update(decipher.update(prefix.subarray(1)));
  // The last bytes of all are the integrity packet; whatever may still turn out to be it is held back.
  let held: Buffer = Buffer.alloc(0);
  for (let bytes = await rest.some(Infinity); bytes; bytes = await rest.some(Infinity)) {
    const clear = decipher.update(bytes);
    const [passed, kept] = clear.length < MDC_BYTES ? splitTail(Buffer.concat([held, clear])) : splitTail(clear);
    for (const piece of clear.length < MDC_BYTES ? [passed] : [held, passed]) {
      integrity.update(piece);
      yield piece;
    }
    held = kept;
  }
  decipher.final();
  const expected = integrity.update(held.subarray(0, 2)).digest();
  if (held.length < MDC_BYTES || held.readUInt16BE(0) !== MDC_HEADER || !expected.equals(held.subarray(2))) {
    throw malformedPacket("its integrity code does not match");
  }
}

function cfbDecipher(sessionKey: Uint8Array) {
  return createDecipheriv(`aes-${sessionKey.length * 8}-cfb`, sessionKey, NO_IV);
}

/** Everything but the last bytes, and those, copied: the chunk they are a part of shall not be held with them. */
function splitTail(bytes: Buffer): [Buffer, Buffer] {
  const at = Math.max(0, bytes.length - MDC_BYTES);
  return [bytes.subarray(0, at), Buffer.from(bytes.subarray(at))];
}

const NO_IV = Buffer.alloc(16);
const MDC_BYTES = 22;
const MDC_HEADER = 0xd314;
