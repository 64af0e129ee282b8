/** Bringing the stack's containers to rest and back, surviving our own death. */
export interface Quiescer {
  /**
   * Runs the before-hooks, then brings every container with a hold label to rest, dependants first.
   * All or nothing: if one will not rest, those already held are released before this rejects.
   * Each act is in the journal on disk before it is done.
   */
  hold(signal: AbortSignal): Promise<Hold>;
  /**
   * Brings back whatever an earlier process held and never released (SIGKILL, power cut), from the journal.
   * Called at start, before anything else. Gives what could not be brought back.
   */
  recover(): Promise<Recovery>;
}

export interface Hold {
  /** Printable names of the containers at rest, in the order they came to rest. Empty: nothing asked for it. */
  readonly held: readonly string[];
  /** Sentences a person must read: a container killed because it did not stop in time, a signal that saved nothing. */
  readonly warnings: readonly string[];
  /**
   * True while every held container is still at rest (same state, not restarted behind our back).
   * Asked after the copy: if it is false, the copy may be torn.
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
  /** "left-down": the container is not in the state it had (exit code 14). "hook": it is back, an after-hook failed. */
  readonly kind: "left-down" | "hook";
  readonly error: Error;
}
