/** How many there were, and the first of them by name: bounded, however many there are. */
export interface Tally {
  readonly count: number;
  /** Printable, the first 100. */
  readonly names: readonly string[];
}

export const MAX_NAMED = 100;

/** A tally under way. */
export class Counter implements Tally {
  count = 0;
  readonly names: string[] = [];

  add(name: string): void {
    this.count += 1;
    if (this.names.length < MAX_NAMED) this.names.push(name);
  }
}
