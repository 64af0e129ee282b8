import { LifeboatError } from "../errors.ts";
import type { IndexEntry } from "./format.ts";
import type { IndexWriter } from "./index-file.ts";
import type { MemberVisitor } from "./member-stream.ts";
import { PathSet } from "./path-set.ts";
import { withoutProcessId } from "./sparse-name.ts";
import { printable, type TarMember } from "./tar-member.ts";
import { ReadProblemList, type ReadProblems } from "./tar-complaints.ts";

/** How many members of each type an archive has. */
export interface MemberCounts {
  readonly files: number;
  readonly folders: number;
  readonly symlinks: number;
  readonly hardlinks: number;
}

/** Counts what is sealed, and writes the index of it. */
export class Tally implements MemberVisitor {
  readonly index: IndexWriter;
  tarBytes = 0;
  readonly #id: string;
  readonly #seen = new PathSet();
  readonly #counts: Record<IndexEntry["type"], number> = { file: 0, folder: 0, symlink: 0, hardlink: 0 };
  #contentBytes = 0;
  #open: { readonly sizeBytes: number; readonly atTarByte: number } | undefined;
  readonly #readProblems = new ReadProblemList();

  constructor(id: string, index: IndexWriter) {
    this.#id = id;
    this.index = index;
  }

  begin(member: TarMember, headers: Buffer): Buffer {
    if (!this.#seen.add(member.path)) {
      throw new LifeboatError("failed", `'${printable(member.path)}' would be in the archive twice`);
    }
    this.#open = { sizeBytes: member.sizeBytes, atTarByte: this.tarBytes };
    return member.sparse ? withoutProcessId(headers, member.path) : headers;
  }

  async end(member: TarMember, sha256: string | undefined): Promise<void> {
    this.#open = undefined;
    this.#counts[member.type] += 1;
    this.#contentBytes += member.sizeBytes;
    await this.index.add(entryOf(member, sha256, this.#id));
  }

  addProblems(problems: ReadProblems): void {
    this.#readProblems.addAll(problems);
  }

  /** Content of all files so far, the one under way included as far as it can be told; at the end, of all of them. */
  get contentBytesSoFar(): number {
    if (!this.#open) return this.#contentBytes;
    return this.#contentBytes + Math.min(this.tarBytes - this.#open.atTarByte, this.#open.sizeBytes);
  }

  result(): { counts: MemberCounts; contentBytes: number; tarBytes: number; readProblems: ReadProblems } {
    const { file, folder, symlink, hardlink } = this.#counts;
    return {
      counts: { files: file, folders: folder, symlinks: symlink, hardlinks: hardlink },
      contentBytes: this.#contentBytes,
      tarBytes: this.tarBytes,
      readProblems: this.#readProblems,
    };
  }
}

/** A member as the index has it. */
export function entryOf(member: TarMember, sha256: string | undefined, heldBy: string): IndexEntry {
  const { path, type, sizeBytes, mode, uid, gid, mtimeNs, linkTarget } = member;
  return {
    ...{ path, type, sizeBytes, mode, uid, gid, mtimeNs },
    ...(linkTarget ? { linkTarget } : {}),
    ...(sha256 === undefined ? {} : { sha256 }),
    heldBy,
  };
}
