/** What a check has found so far, as sentences; bounded, whatever there is. */
export class Verdict {
  /** What is damaged: it may have lost rows, or give wrong ones. */
  readonly damage = new Set<string>();
  /** What could not be looked at, and why: mostly what only the application can read. It may be well. */
  readonly notChecked: Set<string>;
  readonly #rowsThatBreak = new Map<string, number>();

  constructor(notChecked: readonly string[] = []) {
    this.notChecked = new Set(notChecked);
  }

  /** Takes a line of SQLite's `check` in; true if it is about damage. */
  add(check: string, line: string): boolean {
    if (line === "ok") return false;
    if (RULE_BROKEN.test(line)) {
      this.#rowsThatBreak.set(line, (this.#rowsThatBreak.get(line) ?? 0) + 1);
      return false;
    }
    if (this.damage.size < MAX_DAMAGE) {
      this.damage.add(`SQLite's ${check}: ${line.replaceAll("\n", " / ").slice(0, MAX_LINE)}`);
    }
    return true;
  }

  /**
   * Rules of the schema that rows do not keep. A rule that was made later, or is no longer kept, is the application's
   * affair: SQLite reads, changes and indexes such rows as any others.
   */
  get rulesBroken(): readonly string[] {
    return [...this.#rowsThatBreak].map(([line, rows]) => `${line.slice(0, MAX_LINE)} (rows: ${rows})`);
  }
}

const MAX_LINE = 300;
const MAX_DAMAGE = 100;

/** NOT NULL, a type (of STRICT tables, and what an affinity would have made of the value), CHECK. */
const RULE_BROKEN = /^(?:NULL|NUMERIC|TEXT|non-[A-Z]+) value in |^CHECK constraint failed in /;
