import { constants, createReadStream, type BigIntStats } from "node:fs";
import { lstat, open, type FileHandle } from "node:fs/promises";
import type { MemberList, Walked } from "../sources/source.ts";
import { isSystemError } from "../system/files.ts";
import { PathSet } from "./path-set.ts";
import type { TarMember } from "./tar-member.ts";

/**
 * Where a member was read: where the walk found it · "gone": what is there now is something else · "doubtful": it may
 * have been read elsewhere, or was written to just then.
 */
export type Whereabouts = "as-walked" | "gone" | "doubtful";

/**
 * Tells whether members were read where the walk found them. tar goes by names, and names change: a folder that has
 * become a symlink leads it anywhere. So each member's folder is opened once tar has opened the member; it must be the
 * one that was walked, by device and inode, and the member in it must be as old as what tar read.
 */
export class WalkedPlaces {
  readonly #root: Buffer;
  readonly #folders = new PathSet();
  readonly #recentNs: bigint;

  private constructor(root: string, { startedAt }: Walked) {
    this.#root = Buffer.from(root);
    this.#recentNs = BigInt(startedAt.getTime() - CLOCK_SKEW_MS) * 1_000_000n;
  }

  /** Undefined for lists of copies. */
  static async of({ root, walked }: MemberList): Promise<WalkedPlaces | undefined> {
    if (!walked) return undefined;
    const places = new WalkedPlaces(root, walked);
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of createReadStream(walked.foldersFile) as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0, start)) {
        places.#folders.add(rest.subarray(start, end));
        start = end + 1;
      }
      rest = rest.subarray(start);
    }
    return places;
  }

  /** Of members that tar has opened by now. */
  async locate(members: readonly TarMember[]): Promise<ReadonlyMap<TarMember, Whereabouts>> {
    const found = new Map<TarMember, Whereabouts>();
    const byFolder = Map.groupBy(members, ({ path }) => folderOf(path).toString("latin1"));
    await Promise.all(
      [...byFolder].map(async ([folder, inIt]) => {
        for (const [member, where] of await this.#locateIn(Buffer.from(folder, "latin1"), inIt))
          found.set(member, where);
      }),
    );
    return found;
  }

  /** `folder` is as in the archive; empty for what the root itself is in. */
  async #locateIn(
    folder: Buffer,
    members: readonly TarMember[],
  ): Promise<readonly (readonly [TarMember, Whereabouts])[]> {
    const all = (where: Whereabouts) => members.map((member) => [member, where] as const);
    if (folder.length === 0) return all("as-walked");
    const path = belowRoot(folder);
    let handle: FileHandle;
    try {
      handle = await open(this.#absolute(path), constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      return all(isSystemError(error, ...GONE) ? "gone" : "doubtful");
    }
    try {
      if (!this.#wasWalked(await handle.stat(), path)) return all("gone");
      return await Promise.all(
        members.map(async (member) => [member, await this.#locateOne(handle.fd, member)] as const),
      );
    } finally {
      await handle.close();
    }
  }

  /** By way of the open folder, which stays the same whatever happens to its name. */
  async #locateOne(folder: number, member: TarMember): Promise<Whereabouts> {
    const { path, type, mtimeNs } = member;
    const isRecent = mtimeNs >= this.#recentNs;
    const name = path.subarray(path.lastIndexOf(SLASH) + 1);
    if (type === "special") return "gone";
    let stats: BigIntStats;
    try {
      stats = await lstat(Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), name]), { bigint: true });
    } catch (error) {
      if (!isSystemError(error, ...GONE)) return "doubtful";
      // Read, and removed since.
      return isRecent && type !== "folder" ? "as-walked" : "gone";
    }
    if (type === "folder") {
      const identity = { dev: Number(stats.dev), ino: Number(stats.ino) };
      return stats.isDirectory() && this.#wasWalked(identity, belowRoot(path)) ? "as-walked" : "gone";
    }
    return isRecent || stats.mtimeNs === mtimeNs ? "as-walked" : "doubtful";
  }

  #wasWalked({ dev, ino }: { readonly dev: number; readonly ino: number }, path: Buffer): boolean {
    return this.#folders.has(Buffer.concat([Buffer.from(`${dev}:${ino} `), path]));
  }

  #absolute(path: Buffer): Buffer {
    return path.length === 0 ? this.#root : Buffer.concat([this.#root, Buffer.from("/"), path]);
  }
}

const SLASH = 0x2f;
const GONE = ["ENOENT", "ENOTDIR", "ELOOP"];
const TOP = "backup".length;
/** Between our clock and that of a file server. What was written since then may be written to at any time. */
const CLOCK_SKEW_MS = 10 * 60 * 1000;

function folderOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
}

/** The path on disk, relative to the root and empty for it, of one in the archive. */
function belowRoot(path: Buffer): Buffer {
  return path.subarray(TOP + 1);
}
