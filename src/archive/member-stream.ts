import { createHash, type Hash } from "node:crypto";
import { systemClock } from "../system/clock.ts";
import { mergeAdjacent } from "./adjacent.ts";
import type { TarMember } from "./tar-member.ts";
import { TarReader } from "./tar-reader.ts";
import type { Bytes } from "./through-child.ts";

/** Someone who looks at the members of a tar stream as they come by. What it throws ends the stream. */
export interface MemberVisitor {
  /**
   * Called once for all that came in one piece from the tar stream, before it is gone through: with the members that
   * begin in it, and whether any ends there.
   */
  arrived?(begun: readonly TarMember[], someEnd: boolean): void | Promise<void>;
  /**
   * Called before any byte of the member goes on. `headers` are its header blocks; gives those to pass on, or
   * undefined when nothing of the member shall go on.
   */
  begin(member: TarMember, headers: Buffer): Buffer | undefined | Promise<Buffer | undefined>;
  /** Called when the member is over. `sha256`: of a file's content, holes as zeros; undefined for everything else. */
  end(member: TarMember, sha256: string | undefined): void | Promise<void>;
}

/**
 * Passes a tar stream on, without its end-of-archive blocks, and shows its members to `visitor`.
 * Rejects with "verification-failed" when the stream is damaged or ends early.
 */
export async function* visitMembers(
  tar: Bytes,
  visitor: MemberVisitor,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const reader = new TarReader();
  let member: TarMember | undefined;
  let headers: Buffer | undefined;
  let digest: Hash | undefined;
  for await (const chunk of tar) {
    const passed: Buffer[] = [];
    const events = [...reader.push(chunk)];
    const begun = events.flatMap((event) => (event.kind === "member" ? [event.member] : []));
    const someEnd = events.some(({ kind }) => kind === "member-end");
    if (begun.length > 0 || someEnd) await visitor.arrived?.(begun, someEnd);
    for (const event of events) {
      switch (event.kind) {
        case "member":
          member = event.member;
          digest = member.type === "file" ? createHash("sha256") : undefined;
          headers = await visitor.begin(member, event.raw);
          if (headers) passed.push(headers);
          continue;
        case "content":
          digest?.update(event.raw);
          break;
        case "hole":
          if (digest) await addZeros(digest, event.sizeBytes, signal);
          break;
        case "member-end":
          if (member) await visitor.end(member, digest?.digest("hex"));
          break;
        case "filling":
      }
      if (headers) passed.push(event.raw);
    }
    yield* mergeAdjacent(passed);
  }
  reader.end();
}

/** Two blocks of zeros, and more of them up to a whole record of 10 KiB, end an archive of `bytes` so far. */
export function endOfArchive(bytes: number): Buffer {
  const RECORD = 10_240;
  return Buffer.alloc(1024 + ((RECORD - ((bytes + 1024) % RECORD)) % RECORD));
}

/** Others get their turn now and then: a hole of terabytes takes many minutes, and may be aborted in them. */
async function addZeros(digest: Hash, sizeBytes: number, signal: AbortSignal): Promise<void> {
  let pieces = 0;
  for (let left = sizeBytes; left > 0; left -= ZEROS.length) {
    digest.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
    pieces += 1;
    if (pieces % PIECES_PER_TURN === 0) await systemClock.sleep(0, signal);
  }
}

const ZEROS = Buffer.alloc(1024 * 1024);
/** About 30 ms. */
const PIECES_PER_TURN = 64;
