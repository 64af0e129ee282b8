/** Deadlines of the room, in ms. Labels override those that say so. */
export interface QuiesceLimits {
  /** Time a container gets to stop before the engine kills it; `lifeboat.hold.timeout`, else its own stop_grace_period. */
  readonly stopMs: number;
  /** For one exec hook; `lifeboat.before.exec.timeout`, `lifeboat.after.exec.timeout`. */
  readonly execMs: number;
  /** For a signalled container to write its file; `lifeboat.before.timeout`. */
  readonly waitForMs: number;
  /** How long an engine that does not answer is asked again while containers are looked for and held. */
  readonly engineMs: number;
  /** For all containers to be back: start, health and every retry together. */
  readonly comeBackMs: number;
  /** How often all of them get their turn to come back, as long as that time lasts. */
  readonly comeBackRounds: number;
  /** How long a container must run after its start to count as back: one that cannot run mostly ends at once. */
  readonly settleMs: number;
  /** How long one that is unhealthy may take to become healthy after all. */
  readonly unhealthyMs: number;
  /** How long a container must run without being started again to count as well after a restore. */
  readonly steadyMs: number;
  /** For a container to become healthy before those that depend on it are started all the same. */
  readonly healthMs: number;
  /** Probes that are further apart come too late to be waited for while others are down. */
  readonly lateProbeMs: number;
  /** For one with such probes to become healthy in its start period, in which newer engines probe every few seconds. */
  readonly startProbesMs: number;
}

/** After a restore nothing is tried twice: what does not come up on the new data gets the old data back. */
export const limitsAfterRestore = { comeBackRounds: 1, comeBackMs: 180_000, unhealthyMs: 0 } as const;

export const defaultLimits: QuiesceLimits = {
  stopMs: 30_000,
  execMs: 300_000,
  waitForMs: 30_000,
  engineMs: 30_000,
  // An engine restart with many containers takes a minute or two; after five a person should know.
  comeBackMs: 300_000,
  comeBackRounds: Infinity,
  settleMs: 1_000,
  unhealthyMs: 120_000,
  steadyMs: 5_000,
  healthMs: 120_000,
  // Half a minute is the engine's default.
  lateProbeMs: 45_000,
  startProbesMs: 15_000,
};
