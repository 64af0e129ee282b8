import { LifeboatError } from "../errors.ts";
import { PathSet } from "./path-set.ts";
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
    const { path, type, linkTarget } = member;
    requireInside(path, path);
    this.#requireNotBelowSymlink(path, path);
    let isSymlink = type === "symlink";
    if (type === "hardlink" && linkTarget) {
      requireInside(linkTarget, path);
      this.#requireNotBelowSymlink(linkTarget, path);
      if (!this.#seen.has(linkTarget))
        throw unsafe(path, "is a hard link to a file that is not in the backup before it");
      isSymlink = this.#symlinks.has(linkTarget);
    }
    if (!this.#seen.add(path)) throw unsafe(path, "is in it twice");
    if (!isSymlink) return;
    this.#symlinks.add(path);
    this.#lastFolder = Buffer.alloc(0);
  }

  #requireNotBelowSymlink(path: Buffer, member: Buffer): void {
    const folder = path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
    // Members of one folder come one after the other: its parents need not be looked up for each of them.
    if (this.#symlinks.size === 0 || (folder.length > 0 && folder.equals(this.#lastFolder))) return;
    for (let end = path.indexOf(SLASH); end !== -1; end = path.indexOf(SLASH, end + 1)) {
      if (this.#symlinks.has(path.subarray(0, end))) throw unsafe(member, "would be written through a symlink");
    }
    this.#lastFolder = Buffer.from(folder);
  }
}

const SLASH = 0x2f;

function requireInside(path: Buffer, member: Buffer): void {
  const [first, ...segments] = path.toString("latin1").split("/");
  const bad = segments.some((segment) => segment === "" || segment === "." || segment === "..");
  if (first !== "backup" || bad) throw unsafe(member, "points outside the backup");
}

function unsafe(path: Buffer, what: string): LifeboatError {
  return new LifeboatError("verification-failed", `the archive's member '${printable(path)}' ${what}`, {
    hint: "This archive was not made by this program, or was tampered with. Nothing of it was put in place.",
  });
}
