const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** "1.5 GiB": binary units, three digits at most. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.5 and more would be shown as 1024.
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** "850 ms", "4.2 s", "3 min 20 s", "2 h 5 min". */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** "2026-03-29 02:00:00 CET": local to the zone, which is named. */
export function timeText(at: Date, timeZone: string): string {
  const intoMs = modulo(at.getTime(), at.getTime() < REGULAR_FROM_MS ? 1000 : QUARTER_MS);
  const { before, second, after } = partText(at.getTime() - intoMs, timeZone);
  const seconds = second + Math.floor(intoMs / 1000);
  return `${before}${twoDigits(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}${after}`;
}

/**
 * The same sentence with its times as `timeText` has them. Sentences are made where no zone is known, with ISO times in
 * UTC; names in quotes and parts of paths that look like that stay what they are.
 */
export function inZone(sentence: string, timeZone: string): string {
  return sentence.replace(INSTANT, (iso) => {
    const at = new Date(iso);
    return Number.isNaN(at.getTime()) ? iso : timeText(at, timeZone);
  });
}

const INSTANT = /(?<![\w'"/.-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z(?![\w'"/-]|\.\w)/g;

/** Since 1973 clocks differ by whole quarters of an hour, and nobody changes them within one. */
const REGULAR_FROM_MS = Date.UTC(1973, 0);
const QUARTER_MS = 15 * 60_000;

interface PartText {
  readonly before: string;
  /** Of the hour. */
  readonly second: number;
  readonly after: string;
}

/** Formatting takes far longer than looking up what was formatted, and `ls` does it a million times. */
const partTexts = new Map<string, PartText>();
const MOST_PART_TEXTS = 50_000;

function partText(startMs: number, timeZone: string): PartText {
  const key = `${timeZone} ${startMs}`;
  const known = partTexts.get(key);
  if (known) return known;
  const parts = formatOf(timeZone).formatToParts(startMs);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? "";
  const before = `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:`;
  const second = Number(part("minute")) * 60 + Number(part("second"));
  const text = { before, second, after: ` ${part("timeZoneName")}` };
  if (partTexts.size >= MOST_PART_TEXTS) partTexts.clear();
  partTexts.set(key, text);
  return text;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

/** Making one takes as long as using it a hundred times. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  });
  formats.set(timeZone, format);
  return format;
}
