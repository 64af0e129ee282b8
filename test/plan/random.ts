import { randomInt } from "node:crypto";

/** Numbers that look random and come again with the same seed, which every failure prints. */
export interface Dice {
  readonly seed: number;
  /** A whole number from 0 up to, and without, `below`. */
  roll(below: number): number;
}

/** Seeded by TEST_SEED if that is set. */
export function dice(): Dice {
  const seed = Number(process.env["TEST_SEED"] ?? randomInt(2 ** 31));
  let state = seed;
  return {
    seed,
    roll(below) {
      // mulberry32
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
    },
  };
}
