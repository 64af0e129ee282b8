import { writeDaemonState, type DaemonState } from "../conduct/state.ts";

/** What the daemon keeps on the disk of itself. */
export interface DaemonRecord {
  current(): DaemonState;
  /** Resolves once the change, and all before it, is on the disk. Rejects if this one could not be written. */
  change(change: Partial<DaemonState>): Promise<void>;
  /** Resolves once nothing is being written any more. */
  settled(): Promise<void>;
}

/** Writes one state after the other: of two changes at the same moment the older never has the last word. */
export function daemonRecord(stateFolder: string, initial: DaemonState): DaemonRecord {
  let state = initial;
  let last: Promise<void> = Promise.resolve();
  return {
    current: () => state,
    change(change) {
      state = { ...state, ...change };
      const written = last.then(() => writeDaemonState(stateFolder, state));
      last = written.catch(() => {
        // Whoever asked for that change is told; the next one writes it all again.
      });
      return written;
    },
    settled: () => last,
  };
}
