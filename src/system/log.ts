/** What any room may say while it works: a constant sentence, and fields. Secrets never reach it (`redact` sees to it). */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** For code that is run where nobody listens (tests of a single room). */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
