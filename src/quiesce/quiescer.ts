/** Bringing the stack's containers to rest and back, surviving our own death. */
export interface Quiescer {
  /**
   * Runs the before-hooks, then brings every container with a hold label to rest, dependants first.
   * All or nothing: if one will not rest, or the signal aborts, those already held are released before this rejects;
   * if that fails too, it rejects with a "left-down" error. Labels that are wrong, or ask for what cannot be done, are
   * one "settings" error before anything is touched. Each act is in the journal on disk before it is done.
   * What an earlier process left down is tried again first.
   */
  hold(signal: AbortSignal): Promise<Hold>;
  /**
   * What `hold` would do, and what of the stack no mount of ours shows; touches nothing. Rejects as `hold` does before
   * it touches anything.
   */
  planForBackup(signal: AbortSignal): Promise<StackPlan>;
  /**
   * Brings back whatever an earlier process held and never released (SIGKILL, power cut), from the journal.
   * Called at start, before anything else. Gives what could not be brought back; that stays in the journal.
   * Rejects only if the journal cannot be read or is of an unknown version, naming the file.
   */
  recover(): Promise<Recovery>;
  /**
   * Who may write to each of `paths` (as this program sees them), as it is now. Undefined without a Docker socket.
   * Rejects if the engine cannot be asked.
   */
  usersOf(paths: readonly string[], signal: AbortSignal): Promise<readonly (readonly FolderUser[])[] | undefined>;
  /**
   * What `holdForRestore` would do, without touching anything. Rejects as that does before it touches anything.
   */
  planForRestore(replaced: Replaced, signal: AbortSignal): Promise<RestorePlan>;
  /**
   * Stops every container that may write to one of the folders whatever its labels, and those that depend on one of the
   * servers, and brings the labelled ones to rest. No hooks are run. What the journal holds already stays held. When it
   * rejects, what came to rest stays there until `recover` is called: only the caller knows whether the data can be
   * started on. Its release makes one try: what does not come up on the new data is given as a failure at once.
   */
  holdForRestore(replaced: Replaced, signal: AbortSignal): Promise<RestoreHold>;
  /**
   * Waits until the containers are well: healthy, answering at their `lifeboat.health.http`, or running for a while.
   * Gives a sentence for each that is not; `wasWell` tells whether it was before. Rejects when the signal aborts.
   */
  watch(containers: readonly Watched[], signal: AbortSignal): Promise<readonly Unwell[]>;
}

/** What a backup means for the stack. */
export interface StackPlan {
  /** False without a Docker socket: nothing is known of the stack, and no label has an effect. */
  readonly hasEngine: boolean;
  /** In the order in which they come to rest. */
  readonly holds: readonly { readonly container: string; readonly act: "stop" | "pause" }[];
  /** Labelled to be held, and at rest already. */
  readonly atRest: readonly string[];
  /** Containers in which hooks run. */
  readonly hooked: readonly string[];
  /** As those of the hold. */
  readonly warnings: readonly string[];
  readonly unsaved: readonly UnsavedMount[];
  /** Known database servers whose labels neither dump nor hold them; `names` are those under which others reach them. */
  readonly servers: readonly {
    readonly container: string;
    readonly image: string;
    readonly names: readonly string[];
  }[];
}

/** A volume or folder of the stack that is not mounted into this program's container. */
export interface UnsavedMount {
  /** The volume's name, or the folder on the engine's host. */
  readonly what: string;
  readonly isVolume: boolean;
  /** Where the last of `containers` has it. */
  readonly destination: string;
  readonly containers: readonly string[];
}

/** A container that has a folder mounted, and may write there. */
export interface FolderUser {
  readonly container: string;
  /** Stopped or paused. */
  readonly isAtRest: boolean;
  /** It has hooks before and after, which may bring it to rest in a way of its own. */
  readonly isHooked: boolean;
  /** Its databases are dumped. */
  readonly isDumped: boolean;
  /** Its labels count. */
  readonly isLookedAt: boolean;
}

/** What a restore is about to replace. */
export interface Replaced {
  /** As this program sees them. */
  readonly folders: readonly string[];
  /** Containers with a database server of which databases are replaced, by name, service or host. It runs on. */
  readonly servers: readonly string[];
}

export interface RestorePlan {
  readonly stops: readonly PlannedStop[];
  readonly warnings: readonly string[];
  /** False without a Docker socket: nothing can be stopped. */
  readonly hasEngine: boolean;
}

export interface PlannedStop {
  readonly container: string;
  readonly act: "stop" | "pause";
  /** Completes "it …". */
  readonly why: string;
}

export interface RestoreHold extends Hold {
  readonly watched: readonly Watched[];
}

/** A container whose health is watched after a restore; can be written down. */
export interface Watched {
  readonly id: string;
  readonly name: string;
  readonly compose: { readonly project: string; readonly service: string; readonly number: string } | null;
  /** Running and not unhealthy before it was stopped. */
  readonly wasWell: boolean;
  readonly healthUrl: string | null;
}

export interface Unwell {
  readonly container: string;
  readonly wasWell: boolean;
  readonly problem: string;
}

export interface Hold {
  /** Printable names of the containers at rest, in the order they came to rest. Empty: nothing asked for it. */
  readonly held: readonly string[];
  /** False if nothing was done to the stack, not even a hook run: what was seen before is still what there is. */
  readonly touched: boolean;
  /** From the moment before the first container was brought to rest until the last was back, or until now. 0: none was. */
  atRestMs(): number;
  /** Sentences a person must read: a container killed because it did not stop in time, a signal that saved nothing. */
  readonly warnings: readonly string[];
  /**
   * Names of the containers that are not at rest any more, or were started in between: held ones, and labelled ones
   * that were at rest already. Asked after the copy: if there are any, it may be torn. An engine that cannot be asked
   * vouches for none, so all are given. Never rejects.
   */
  stillAtRest(): Promise<readonly string[]>;
  /**
   * Brings the containers back to exactly the state they had, dependencies first, waiting for health,
   * then runs the after-hooks. Safe to call twice. Takes no AbortSignal, because it must run to its end while
   * everything else is being cancelled. Gives its failures rather than rejecting, so that the backup is still shipped.
   */
  release(): Promise<readonly ReleaseFailure[]>;
}

export interface Recovery {
  /** Printable names of the containers brought back. */
  readonly broughtBack: readonly string[];
  readonly failures: readonly ReleaseFailure[];
}

export interface ReleaseFailure {
  readonly container: string;
  /**
   * "left-down": the container is not in the state it had (exit code 14). "hook": an after-hook failed, or a command
   * cannot be ended. "journal": it is back, but the journal still says that it is not.
   */
  readonly kind: "left-down" | "hook" | "journal";
  readonly error: Error;
}
