import { MultiBar } from "cli-progress";
import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import { sizeText } from "./units.ts";

/** Tells how far something long has come. */
export interface Progress {
  /** `what` is a few words: "ship to local:/archive". Disposing of the bar ends it. */
  start(what: string, totalBytes?: number): Bar;
}

export interface Bar extends Disposable {
  /** `doneBytes` of all so far, not since the last call. May be called as often as one likes. */
  at(doneBytes: number): void;
}

/** For code that is run where nobody watches. */
export const silentProgress: Progress = { start: () => ({ at() {}, [Symbol.dispose]() {} }) };

/** One line is enough to see that something moves; ten of them a second would bury the log. */
const LOG_EVERY_MS = 60_000;

/** Where there is no terminal: a log line a minute for as long as something lasts, and none for what is quick. */
export function loggedProgress(log: Log, clock: Clock): Progress {
  return {
    start(what, totalBytes) {
      let toldAtMs = clock.elapsedMs();
      return {
        at(doneBytes) {
          if (clock.elapsedMs() - toldAtMs < LOG_EVERY_MS) return;
          toldAtMs = clock.elapsedMs();
          const percent = totalBytes ? { totalBytes, percent: percentOf(doneBytes, totalBytes) } : {};
          log.info("still at it", { what, doneBytes, ...percent });
        },
        [Symbol.dispose]() {},
      };
    },
  };
}

export interface TerminalProgress extends Progress {
  /** The log must write here while bars are drawn, or both would be garbled. */
  readonly lines: { write(text: string): void };
}

/** Bars on a terminal, one below the other, gone when they are done. */
export function terminalProgress(terminal: NodeJS.WritableStream): TerminalProgress {
  let bars: MultiBar | undefined;
  let active = 0;
  const open = () =>
    (bars ??= new MultiBar({ stream: terminal, format, clearOnComplete: true, hideCursor: null, emptyOnZero: true }));
  return {
    start(what, totalBytes) {
      active++;
      const bar = open().create(totalBytes ?? 0, 0, { what });
      let isOpen = true;
      return {
        at: (doneBytes) => bar.update(doneBytes),
        [Symbol.dispose]() {
          if (!isOpen) return;
          isOpen = false;
          bars?.remove(bar);
          if (--active > 0) return;
          bars?.stop();
          bars = undefined;
        },
      };
    },
    lines: {
      write(text) {
        if (bars) bars.log(text);
        else terminal.write(text);
      },
    },
  };
}

const BAR_WIDTH = 24;

function format(_options: unknown, { value, total }: { value: number; total: number }, payload: { what?: string }) {
  const what = payload.what ?? "";
  if (total <= 0) return `${what}  ${sizeText(value)}`;
  const filled = Math.round((percentOf(value, total) / 100) * BAR_WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  return `${bar} ${String(percentOf(value, total)).padStart(3)} %  ${what}  ${sizeText(value)} of ${sizeText(total)}`;
}

function percentOf(done: number, total: number): number {
  return Math.min(100, Math.floor((done / total) * 100));
}
