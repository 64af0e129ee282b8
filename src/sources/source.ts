/** Something worth keeping, and how to copy it consistently. One file per kind beside this one. */
export interface Source {
  readonly kind: SourceKind;
  /** Unique in one backup; for a file or database below BACKUP_SOURCES its path there. Printable. */
  readonly name: string;
  /**
   * Makes a consistent copy (or, for files read in place, the list of what to read) in `stage`, checks it or leaves that
   * to `Snapshot.prove`, and resolves once nothing will change it again. Never writes to the live data.
   * Rejects with a LifeboatError when there is no good copy to be had.
   */
  snapshot(stage: Stage, signal: AbortSignal): Promise<Snapshot>;
}

export type SourceKind = "folder" | "sqlite" | "postgres" | "postgres-physical";

/** A private folder of the run, empty at first, for the copies of one source. Removed after the run. */
export interface Stage {
  readonly folder: string;
}

/** A consistent copy of one source at one moment: files at rest, and what was found out about them. */
export interface Snapshot {
  readonly members: readonly MemberList[];
  readonly finding: SourceFinding;
  /**
   * What is still to be found out about the copy, and needs neither the source nor a hold: it is done while the copy is
   * sealed. Resolves with the whole finding; rejects when the copy is no good one. Undefined: it is known to be good.
   */
  readonly prove?: (signal: AbortSignal) => Promise<SourceFinding>;
  /** Undefined: later runs need none of it. */
  readonly keepsake?: Keepsake;
}

/** A file of a copy that later runs need beside the backup. It may be taken once the copy is sealed. */
export interface Keepsake {
  /** A file name, unique in one backup. */
  readonly name: string;
  readonly path: string;
}

/** Files for the archive, named by a list on disk because there may be millions of them. */
export interface MemberList {
  /** Folder that the paths of the list are relative to. */
  readonly root: string;
  /** File of NUL-terminated paths, each "./…" (bytes as on disk) or "." for the root itself. */
  readonly listFile: string;
  /** True if the files are the live ones, read where they are: then the hold lasts until they are sealed. */
  readonly inPlace: boolean;
  /** How the walk found the folders that the paths are in; undefined for copies, which nobody else touches. */
  readonly walked?: Walked;
  /** Owner to record instead of that of the files on disk (copies made by a process that may not chown). */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** What was where when a list was made, so that what is read is what was walked, whoever changes names meanwhile. */
export interface Walked {
  /** Of all folders on the list, NUL-terminated: "<device>:<inode> <path relative to the root>". */
  readonly foldersFile: string;
  readonly startedAt: Date;
}

/** What is known about one source's copy; goes into the receipt and the report as it is. Bounded in size. */
export interface SourceFinding {
  readonly kind: SourceKind;
  readonly name: string;
  /** "flawed": kept, but a person must look (corrupt at the source, files unreadable). Makes the run degraded. */
  readonly outcome: "good" | "flawed";
  /** One sentence each, for a person; empty when the outcome is "good". */
  readonly flaws: readonly string[];
  /** Facts for later comparison: page counts, row counts per table, file counts. */
  readonly facts: Readonly<Record<string, unknown>>;
}
