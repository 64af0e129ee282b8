import { redact } from "../system/secret.ts";

const MOST_KEPT = 5;

function keep(word: string, words: string[]): void {
  if (words.length < MOST_KEPT) words.push(word);
}

const ERROR_LEVELS = ["error", "critical", "alert", "emergency", "fatal"];

/** Hints that a person must read, of the many that rclone gives: they are about what comes later. */
const FOR_A_PERSON =
  /deprecat|\btokens?\b|\bexpire|failed to save|config file|time may be set wrong|quota|(nearly|almost) full/i;

/** Its last word, which says the last error again. */
const SUMMARY = /^Failed to \S+ with \d+ errors: last error was: /;

/** Said as an error, and never the reason why a call failed. */
const IN_PASSING = /^Failed to save config/;

/** What rclone says on standard error: one JSON object per line, but for some versions' last words. */
export class RcloneReport {
  readonly #alive: () => void;
  readonly #onProgress: ((bytes: number) => void) | undefined;
  readonly #errors: string[] = [];
  /** Without a level: said before the log was set up, or at the very end. */
  readonly #lastWords: string[] = [];
  readonly #hints: string[] = [];
  #lastHint = "";
  #moved = "";

  constructor(alive: () => void, onProgress: ((bytes: number) => void) | undefined) {
    this.#alive = alive;
    this.#onProgress = onProgress;
  }

  take(line: string): void {
    const { level, msg, stats } = parseEntry(line);
    if (stats) return this.#takeStats(stats);
    if (/^Attempt \d/.test(msg)) return;
    if (IN_PASSING.test(msg)) return keep(msg, this.#hints);
    if (ERROR_LEVELS.includes(level ?? "")) return keep(msg, this.#errors);
    if (level === undefined) return keep(msg, this.#lastWords);
    this.#lastHint = msg;
    if (FOR_A_PERSON.test(msg)) keep(msg, this.#hints);
  }

  /** The first errors are the causes; the later ones repeat them. */
  said(): string {
    const errors = [...this.#errors, ...this.#lastWords];
    const words = errors.length > 0 ? errors : [this.#lastHint].filter(Boolean);
    const distinct = words.filter((word, index) => {
      const earlier = words.slice(0, index);
      if (earlier.length > 0 && SUMMARY.test(word)) return false;
      return !earlier.some((one) => word.includes(one) || one.includes(word));
    });
    return redact(distinct.map(withoutRequestIds).join(" / ")).slice(0, 1000);
  }

  /** What a person must read; of a call that ended well also the errors, because it went on without something. */
  remarks(isWell: boolean): readonly string[] {
    return [...this.#hints, ...(isWell ? this.#errors : [])].map((said) => redact(said).slice(0, 500));
  }

  #takeStats(stats: Stats): void {
    const moved = [stats.bytes, stats.checks, stats.transfers, stats.deletes, stats.renames, stats.listed].join();
    if (moved === this.#moved) return;
    this.#moved = moved;
    this.#alive();
    if (stats.bytes) this.#onProgress?.(stats.bytes);
  }
}

interface Stats {
  readonly bytes?: number;
  readonly checks?: number;
  readonly transfers?: number;
  readonly deletes?: number;
  readonly renames?: number;
  readonly listed?: number;
}

function parseEntry(line: string): { readonly level?: string; readonly msg: string; readonly stats?: Stats } {
  try {
    const entry: unknown = JSON.parse(line);
    if (entry !== null && typeof entry === "object" && "msg" in entry) {
      return entry as { level?: string; msg: string; stats?: Stats };
    }
  } catch {
    // Not JSON: last words before the log was set up, or after.
  }
  const [, level, msg = line] = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (?:([A-Z]+) ?: )?(.*)$/.exec(line) ?? [];
  return { msg, ...(level === undefined ? {} : { level: level.toLowerCase() }) };
}

function withoutRequestIds(message: string): string {
  return message.replace(/, RequestID: [^,]*, HostID: [^,]*/g, "");
}
