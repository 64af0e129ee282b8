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
  /** For a container to become healthy before those that depend on it are started all the same. */
  readonly healthMs: number;
}

export const defaultLimits: QuiesceLimits = {
  stopMs: 30_000,
  execMs: 300_000,
  waitForMs: 30_000,
  engineMs: 30_000,
  // An engine restart with many containers takes a minute or two; after five a person should know.
  comeBackMs: 300_000,
  healthMs: 120_000,
};
