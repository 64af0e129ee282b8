import { lstat } from "node:fs/promises";
import { LifeboatError } from "../errors.ts";
import { isSystemError } from "../system/files.ts";
import type { ComplaintsFile } from "./complaints-file.ts";
import type { IndexEntry } from "./format.ts";
import type { IndexWriter } from "./index-file.ts";
import { MemberSafety, type Objection } from "./member-safety.ts";
import type { MemberVisitor } from "./member-stream.ts";
import { withoutProcessId } from "./sparse-name.ts";
import { printable, type TarMember } from "./tar-member.ts";
import { ReadProblemList, type Damage, type ReadProblemKind, type ReadProblems } from "./tar-complaints.ts";
import type { Again, TarRun } from "./tar-run.ts";
import type { WalkedPlaces, Whereabouts } from "./walked-places.ts";

/** How many members of each type an archive has. */
export interface MemberCounts {
  readonly files: number;
  readonly folders: number;
  readonly symlinks: number;
  readonly hardlinks: number;
}

/** One run of tar, as far as its members are judged by it. */
export interface Reading {
  readonly run: TarRun;
  readonly said: ComplaintsFile;
  /** Undefined for copies, which nobody else touches. */
  readonly places: WalkedPlaces | undefined;
  /** What was left out and may be had by reading it again; undefined if this is the last time. */
  readonly again: Again | undefined;
}

/**
 * Counts what is sealed, and writes the index of it. Leaves out what was not read where it was walked and what the
 * reader of an archive would refuse: that is a read problem, or to be read again.
 */
export class Tally implements MemberVisitor {
  readonly index: IndexWriter;
  tarBytes = 0;
  readonly #id: string;
  readonly #safety = new MemberSafety();
  readonly #counts: Record<IndexEntry["type"], number> = { file: 0, folder: 0, symlink: 0, hardlink: 0 };
  #contentBytes = 0;
  #open: { readonly sizeBytes: number; readonly atTarByte: number } | undefined;
  readonly #readProblems = new ReadProblemList();
  #reading: Reading | undefined;
  #whereabouts: ReadonlyMap<TarMember, Whereabouts> = new Map();

  constructor(id: string, index: IndexWriter) {
    this.#id = id;
    this.index = index;
  }

  /** What comes from now on is of this run. */
  beginReading(reading: Reading): void {
    this.#reading = reading;
  }

  /** The run is over. */
  endReading({ said }: Reading): void {
    this.#readProblems.addAll(said.upToDate());
  }

  async arrived(begun: readonly TarMember[], someEnd: boolean): Promise<void> {
    const { places, said } = this.#reading ?? {};
    // What was said of the files that end here has been written before their last bytes were.
    if (someEnd) said?.upToDate();
    if (places && begun.length > 0) this.#whereabouts = await places.locate(begun);
  }

  begin(member: TarMember, headers: Buffer): Buffer | undefined {
    this.#open = undefined;
    const objection = this.#objection(member);
    if (objection !== undefined) {
      this.#leaveOut(member, objection);
      return undefined;
    }
    this.#open = { sizeBytes: member.sizeBytes, atTarByte: this.tarBytes };
    return member.sparse ? withoutProcessId(headers, member.path) : headers;
  }

  async end(member: TarMember, sha256: string | undefined): Promise<void> {
    const damage = member.type === "file" ? await this.#damageOf(member) : undefined;
    if (!this.#open || member.type === "special") return;
    this.#open = undefined;
    this.#counts[member.type] += 1;
    this.#contentBytes += member.sizeBytes;
    await this.index.add(entryOf({ ...member, type: member.type }, { sha256, damage }, this.#id));
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

  /**
   * tar takes an error in the middle of a file for its end, and says that it shrank. A file that is as long as before did
   * not shrink.
   */
  async #damageOf({ path, sizeBytes }: TarMember): Promise<Damage | undefined> {
    const { said, run } = this.#reading ?? {};
    const name = listed(path);
    const damage = said?.complaints.takeDamage(name);
    if (damage !== "shrank" || !run) return damage;
    const sizes = run.lists.map(({ root }) => sizeOf(Buffer.concat([Buffer.from(root), name.subarray(1)])));
    if ((await Promise.all(sizes)).every((size) => size < sizeBytes)) return damage;
    said?.complaints.change(name, "shrank", "partial");
    return "partial";
  }

  #objection(member: TarMember): Reason | undefined {
    const where = this.#whereabouts.get(member);
    return where === undefined || where === "as-walked" ? this.#safety.admit(member) : where;
  }

  #leaveOut(member: TarMember, objection: Reason): void {
    if (objection === "twice" || objection === "outside") {
      throw new LifeboatError("failed", `'${printable(member.path)}' would be in the archive ${WRONG[objection]}`);
    }
    const path = listed(member.path);
    const again = this.#reading?.again?.[objection === "too-sparse" ? "plain" : "same"];
    if (WORTH_ANOTHER.has(objection) && again && again.length < MAX_AGAIN) again.push(path);
    else this.#readProblems.addProblem({ path, problem: PROBLEMS[objection] });
  }
}

/** Why a member is left out. */
type Reason = Objection | Exclude<Whereabouts, "as-walked">;

const WRONG = { twice: "twice", outside: "beside all others" };

const PROBLEMS: Readonly<Record<Exclude<Reason, keyof typeof WRONG>, ReadProblemKind>> = {
  // Another kind than was walked, or in a folder that another one, or a link, has taken the place of.
  ...{ special: "vanished", gone: "vanished", "below-symlink": "vanished" },
  ...{
    doubtful: "unreadable",
    "no-target": "unreadable",
    "target-below-symlink": "unreadable",
    "too-sparse": "unreadable",
    "too-long": "unreadable",
    "too-large": "unreadable",
  },
};

/** What may be had after all: it changed just then, or is another name of something that was left out itself. */
const WORTH_ANOTHER: ReadonlySet<Reason> = new Set(["doubtful", "no-target", "target-below-symlink", "too-sparse"]);

/** Their paths are held in memory. */
const MAX_AGAIN = 10_000;

/** 0 if there is no such file any more; endless if nobody can tell, so that what was read is not called all of it. */
async function sizeOf(path: Buffer): Promise<number> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    return isSystemError(error, "ENOENT", "ENOTDIR") ? 0 : Infinity;
  }
}

/** A member's path as it is on the list. */
function listed(path: Buffer): Buffer {
  return Buffer.concat([Buffer.from("."), path.subarray("backup".length)]);
}

/** What came of a member's content. */
export interface Content {
  readonly sha256: string | undefined;
  readonly damage?: Damage | undefined;
}

/** A member as the index has it. */
export function entryOf(
  member: TarMember & Pick<IndexEntry, "type">,
  { sha256, damage }: Content,
  heldBy: string,
): IndexEntry {
  const { path, type, sizeBytes, storedBytes, mode, uid, gid, mtimeNs, linkTarget } = member;
  return {
    ...{ path, type, sizeBytes, mode, uid, gid, mtimeNs },
    ...(member.sparse ? { storedBytes } : {}),
    ...(linkTarget ? { linkTarget } : {}),
    ...(damage === undefined
      ? { ...(sha256 === undefined ? {} : { sha256 }) }
      : { damage, ...(sha256 === undefined ? {} : { storedSha256: sha256 }) }),
    heldBy,
  };
}
