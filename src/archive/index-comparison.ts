import { LifeboatError } from "../errors.ts";
import type { IndexEntry } from "./format.ts";
import { MemberSafety } from "./member-safety.ts";
import { DamagedFiles } from "./damaged-files.ts";
import type { MemberVisitor } from "./member-stream.ts";
import { entryOf } from "./tally.ts";
import { printable, type TarMember } from "./tar-member.ts";

/** What may be known of an archive besides its index: the receipt's figures, and the id it has there. */
export interface Expectation {
  /** Index entries held by other backups' archives are skipped. Default: all must be in this one. */
  readonly id?: string;
  /** Of all files together, holes counted: more than that is refused as soon as it shows. */
  readonly contentBytes?: number;
  /** Of the tar stream: the same of what is really there. */
  readonly tarBytes?: number;
}

/**
 * Holds each member of an archive against the index: all that the index says must be there, in its order, and nothing
 * else. A member's headers are compared before any byte of it goes on, its SHA-256 when it is over.
 */
export class IndexComparison implements MemberVisitor {
  members = 0;
  contentBytes = 0;
  /** Of those that `select` chose. */
  readonly damaged = new DamagedFiles();
  readonly #entries: AsyncIterator<IndexEntry>;
  readonly #expectation: Expectation;
  readonly #select: (entry: IndexEntry) => boolean;
  readonly #safety = new MemberSafety();
  #expected: IndexEntry | undefined;

  /** `select` says whether a member's bytes go on; all are compared. */
  constructor(entries: AsyncIterable<IndexEntry>, expectation: Expectation, select: (entry: IndexEntry) => boolean) {
    this.#entries = entries[Symbol.asyncIterator]();
    this.#expectation = expectation;
    this.#select = select;
  }

  async begin(member: TarMember, headers: Buffer): Promise<Buffer | undefined> {
    this.#safety.check(member);
    const entry = await this.#next();
    if (!entry) throw differs(member.path, "is not in the index");
    requireAgreement(member, entry);
    this.contentBytes += entry.sizeBytes;
    const { contentBytes } = this.#expectation;
    if (contentBytes !== undefined && this.contentBytes > contentBytes) {
      throw differs(member.path, `brings the content beyond the ${contentBytes} bytes of the receipt`);
    }
    this.#expected = entry;
    this.members += 1;
    return this.#select(entry) ? headers : undefined;
  }

  end(member: TarMember, sha256: string | undefined): void {
    const { sha256: whole, storedSha256, damage } = this.#expected ?? {};
    const expected = whole ?? storedSha256;
    if (sha256 !== expected) throw differs(member.path, `has SHA-256 ${sha256}, the index says ${expected}`);
    if (damage !== undefined && this.#expected && this.#select(this.#expected)) this.damaged.add(member.path);
  }

  /** Says that the archive is over. Rejects with "verification-failed" if the index goes on. */
  async finish(): Promise<void> {
    const missing = await this.#next();
    if (missing) throw differs(missing.path, "is in the index but not in the archive");
  }

  /** Lets go of the index. */
  async close(): Promise<void> {
    await this.#entries.return?.();
  }

  async #next(): Promise<IndexEntry | undefined> {
    const { id } = this.#expectation;
    for (;;) {
      const { value, done } = await this.#entries.next();
      if (done) return undefined;
      if (id === undefined || value.heldBy === id) return value;
    }
  }
}

function requireAgreement(member: TarMember, entry: IndexEntry): void {
  if (member.type === "special") throw differs(member.path, "is of a type that no backup holds");
  const found = entryOf({ ...member, type: member.type }, { sha256: entry.sha256 }, entry.heldBy);
  if (!found.path.equals(entry.path)) {
    throw differs(member.path, `is where the index has '${printable(entry.path)}'`);
  }
  const { storedBytes = found.storedBytes } = entry;
  if (storedBytes !== found.storedBytes)
    throw differs(member.path, `takes ${found.storedBytes} bytes, not ${storedBytes}`);
  for (const key of ["type", "sizeBytes", "mode", "uid", "gid", "mtimeNs"] as const) {
    if (found[key] !== entry[key]) throw differs(member.path, `has ${key} ${found[key]}, the index says ${entry[key]}`);
  }
  const sameTarget = (found.linkTarget ?? NONE).equals(entry.linkTarget ?? NONE);
  if (!sameTarget) throw differs(member.path, "links to something else than the index says");
}

const NONE = Buffer.alloc(0);

function differs(path: Buffer, how: string): LifeboatError {
  return new LifeboatError("verification-failed", `archive and index do not agree: '${printable(path)}' ${how}`);
}
