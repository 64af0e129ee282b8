import { LifeboatError } from "../errors.ts";
import { PathSet } from "./path-set.ts";
import { MAX_EXTENTS } from "./sparse-map.ts";
import { printable, type TarMember } from "./tar-member.ts";

/**
 * Refuses members that could reach outside the folder they are extracted into, or each other. A symlink may point
 * anywhere, as live data has them (`live -> archive`, `/etc/…`): it is only a name. What must never happen is that a
 * member is written through one, so nothing may lie below a symlink, and no path may come twice.
 */
export class MemberSafety {
  readonly #seen = new PathSet();
  /** Also hard links to symlinks: they are symlinks as well. */
  readonly #symlinks = new PathSet();
  #lastFolder: Buffer = Buffer.alloc(0);

  /** Throws "verification-failed" for the first member that is not safe; it must not be extracted then. */
  check(member: TarMember): void {
    const objection = this.admit(member);
    if (objection === undefined) return;
    throw new LifeboatError(
      "verification-failed",
      `the archive's member '${printable(member.path)}' ${OBJECTIONS[objection]}`,
      { hint: "This archive was not made by this program, or was tampered with. Nothing of it was put in place." },
    );
  }

  /** Why the member must not be in an archive; undefined if it may, and then others may build on it. */
  admit(member: TarMember): Objection | undefined {
    const { path, type, linkTarget } = member;
    if (type === "special") return "special";
    if ((member.extents ?? 0) > MAX_EXTENTS) return "too-sparse";
    if (path.length > MAX_PATH_BYTES) return "too-long";
    if (member.sizeBytes > MAX_FILE_BYTES) return "too-large";
    if (!isInside(path)) return "outside";
    if (this.#isBelowSymlink(path)) return "below-symlink";
    let isSymlink = type === "symlink";
    if (type === "hardlink" && linkTarget) {
      if (!isInside(linkTarget)) return "outside";
      if (this.#isBelowSymlink(linkTarget)) return "target-below-symlink";
      if (!this.#seen.has(linkTarget)) return "no-target";
      isSymlink = this.#symlinks.has(linkTarget);
    }
    if (!this.#seen.add(path)) return "twice";
    if (isSymlink) {
      this.#symlinks.add(path);
      this.#lastFolder = Buffer.alloc(0);
    }
    return undefined;
  }

  #isBelowSymlink(path: Buffer): boolean {
    const folder = path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
    // Members of one folder come one after the other: its parents need not be looked up for each of them.
    if (this.#symlinks.size === 0 || (folder.length > 0 && folder.equals(this.#lastFolder))) return false;
    for (let end = path.indexOf(SLASH); end !== -1; end = path.indexOf(SLASH, end + 1)) {
      if (this.#symlinks.has(path.subarray(0, end))) return true;
    }
    this.#lastFolder = Buffer.from(folder);
    return false;
  }
}

/** What may be wrong with a member. */
export type Objection =
  | "special"
  | "too-sparse"
  | "too-long"
  | "too-large"
  | "outside"
  | "below-symlink"
  | "target-below-symlink"
  | "no-target"
  | "twice";

const OBJECTIONS: Readonly<Record<Objection, string>> = {
  special: "is of a type that no backup holds",
  "too-sparse": "is a sparse file of more extents than a backup holds",
  "too-long": "has a path that no system call takes",
  "too-large": "is a file of more than 16 TiB, which no backup holds",
  outside: "points outside the backup",
  "below-symlink": "would be written through a symlink",
  "target-below-symlink": "would be written through a symlink",
  "no-target": "is a hard link to a file that is not in the backup before it",
  twice: "is in it twice",
};

/** The kernel takes paths of 4,096 bytes, the NUL at their end included; tar extracts relative to where it works. */
const MAX_PATH_BYTES = 4095;

/**
 * The longest file of ext4. Holes take no room, but each byte of them is digested: a petabyte of nothing, which a few
 * bytes of an archive can claim, would take a week.
 */
const MAX_FILE_BYTES = 2 ** 44;

const SLASH = 0x2f;

function isInside(path: Buffer): boolean {
  const [first, ...segments] = path.toString("latin1").split("/");
  return first === "backup" && !segments.some((segment) => segment === "" || segment === "." || segment === "..");
}
