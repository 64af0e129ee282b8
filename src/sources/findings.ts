import type { Places } from "./places.ts";
import type { FoundStore } from "./stores.ts";
import type { Walked } from "./source.ts";
import type { Counter, Tally } from "./tally.ts";

/** What there is to save, found without opening anything but regular files. */
export interface Survey {
  readonly root: string;
  /** Everything to be read in place: NUL-terminated, "." and then "./…", folders before what is in them. */
  readonly listFile: string;
  readonly walked: Walked;
  /**
   * Of what is on the list. `sizeBytes` is the sum of the files' lengths (holes count, hard links count each time),
   * `allocatedBytes` of what of them takes room on the disk.
   */
  readonly totals: {
    readonly files: number;
    readonly folders: number;
    readonly symlinks: number;
    readonly sizeBytes: number;
    readonly allocatedBytes: number;
  };
  /** Not on the list, nor are their side files. */
  readonly databases: readonly FoundDatabase[];
  /** On the list, with all that is in them. */
  readonly stores: readonly FoundStore[];
  /** Sockets, FIFOs and devices: named, never opened, not on the list. */
  readonly special: Tally;
  /** Files (not on the list) and folders (on it, without what is in them) that cannot be read: "path (EACCES)". */
  readonly unreadable: Tally;
  /** Left out by the operator's patterns; an excluded folder counts as one. */
  readonly excluded: number;
  /** Own folders left out (`never`). */
  readonly ownFolders: Tally;
  /** Symlinks at the top (on the list) that lead out of the root: "path -> target". */
  readonly leadingOut: Tally;
  /** There when their folder was read, gone when they were looked at. */
  readonly vanished: Tally;
}

/** An SQLite database, known by its header. */
export interface FoundDatabase {
  /** Relative to the root, without "./". */
  readonly path: Buffer;
  /** Of the database and its -wal: the most that a copy of it can take. */
  readonly sizeBytes: number;
  readonly dev: number;
  readonly ino: number;
  /** How many names the file has, found or not. */
  readonly links: number;
  /** Further names of the same file that were found: relative to the root, in the order of the walk. */
  readonly otherNames?: readonly Buffer[];
  readonly uid: number;
  readonly gid: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
}

/** The survey as it grows. */
export interface Findings {
  readonly totals: { -readonly [Name in keyof Survey["totals"]]: number };
  /** Of files and databases. */
  readonly places: Places;
  readonly databases: FoundDatabase[];
  readonly stores: FoundStore[];
  readonly special: Counter;
  readonly unreadable: Counter;
  excluded: number;
  readonly ownFolders: Counter;
  readonly leadingOut: Counter;
  readonly vanished: Counter;
}
