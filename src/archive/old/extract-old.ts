import { MemberSafety } from "../member-safety.ts";
import { endOfArchive, visitMembers } from "../member-stream.ts";
import { extractingTar } from "../tar-extraction.ts";
import type { TarMember } from "../tar-member.ts";
import type { Bytes } from "../through-child.ts";
import { canonicalTar } from "./old-tar.ts";
import { tooLarge, type Room } from "./room.ts";

export interface OldExtraction {
  readonly tar: Bytes;
  /** An empty folder; "backup" appears in it. What is there counts only once this has resolved. */
  readonly into: string;
  /** For all files together. More than that is refused before it is written. */
  readonly room: Room;
  readonly warn: (sentence: string) => void;
  readonly onProgress: (contentBytes: number) => void;
}

/**
 * Extracts a tar that has no index, by the rules that our own archives are held to: nothing outside its folder, nothing
 * through a symlink, nothing twice, no devices. Rejects with "verification-failed", and with "failed" beyond the room there is.
 */
export async function extractOld(
  request: OldExtraction,
  signal: AbortSignal,
): Promise<{ readonly files: number; readonly contentBytes: number; readonly warnings: readonly string[] }> {
  const limits = new Limits(request.room);
  const warnings = await extractingTar({ folder: request.into, tar: safeTar(request, limits, signal) }, signal);
  return { files: limits.files, contentBytes: limits.contentBytes, warnings };
}

async function* safeTar(
  { tar, warn, onProgress }: OldExtraction,
  limits: Limits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  let passedBytes = 0;
  for await (const bytes of visitMembers(canonicalTar(tar, warn), limits, signal)) {
    passedBytes += bytes.length;
    onProgress(limits.contentBytes);
    yield bytes;
  }
  yield endOfArchive(passedBytes);
}

class Limits {
  files = 0;
  contentBytes = 0;
  readonly #room: Room;
  readonly #safety = new MemberSafety();

  constructor(room: Room) {
    this.#room = room;
  }

  begin(member: TarMember, headers: Buffer): Buffer {
    this.#safety.check(member);
    this.contentBytes += member.sizeBytes;
    if (member.type === "file") this.files += 1;
    if (this.contentBytes <= this.#room.bytes) return headers;
    throw tooLarge(this.#room);
  }

  end(): void {
    // Nothing is known that a file's content could be held against.
  }
}
