import { pino, stdTimeFunctions } from "pino";
import pinoPretty from "pino-pretty";
import type { Log, LogFields } from "../system/log.ts";
import { describeError } from "../errors.ts";
import { redact } from "../system/secret.ts";
import { printable } from "./printable.ts";
import { inZone, timeText } from "./units.ts";

export interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "text" | "json";
  readonly color: boolean;
  /** Gets one whole line at a time, at once. */
  readonly stream: { write(line: string): unknown };
  /** Of the times in text; JSON has UTC. */
  readonly timeZone?: string;
}

/**
 * A log of one line per record: `text` is time, level, sentence and key=value; `json` has `time`, `level` and `msg`
 * beside the fields. No known secret gets through, wherever it stands.
 */
export function createLog({ level, format, color, stream, timeZone }: LogOptions): Log {
  const asText = format === "text" ? textLines(color, timeZone ?? "UTC") : (line: string) => line;
  const destination = { write: (line: string) => void stream.write(redact(asText(line))) };
  const logger = pino(
    {
      level,
      // The process id and the host are the container's business.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "msg",
    },
    destination,
  );
  const write = (at: LogOptions["level"]) => (message: string, fields?: LogFields) =>
    logger[at](fields ? asRecord(fields) : {}, redact(message));
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function textLines(color: boolean, timeZone: string): (line: string) => string {
  const pretty = pinoPretty.prettyFactory({
    colorize: color,
    singleLine: true,
    hideObject: true,
    translateTime: false,
    customPrettifiers: { time: (time) => timeText(new Date(typeof time === "string" ? time : 0), timeZone) },
    messageFormat: ({ time: _time, level: _level, msg, ...fields }) => {
      const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${valueText(value, timeZone)}`);
      return `${printable(inZone(String(msg), timeZone))}${pairs.join("")}`;
    },
  });
  return (line) => `${pretty(line).trimEnd()}\n`;
}

function valueText(value: unknown, timeZone: string): string {
  if (typeof value === "string") {
    const text = inZone(value, timeZone);
    return /^[\w.:/@+%-]+$/.test(text) ? text : printable(JSON.stringify(text));
  }
  return printable(JSON.stringify(value) ?? String(value));
}

/** A field of the name of one of ours would take its place. */
function asRecord(fields: LogFields): object {
  const free = Object.entries(fields).map(
    ([key, value]) => [TAKEN.has(key) ? `${key}_` : key, plain(value, 1)] as const,
  );
  return Object.fromEntries(free);
}

const TAKEN: ReadonlySet<string> = new Set(["time", "level", "msg"]);
const MAX_DEPTH = 6;

/** Fields as JSON can hold them: errors by what they say, bytes as text, nothing endless. */
function plain(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) return "…";
  if (value instanceof Error) return redact(describeError(value));
  if (typeof value === "string") return redact(value);
  if (Buffer.isBuffer(value)) return redact(value.toString("utf8"));
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  if (value instanceof Map) return plain(Object.fromEntries(value), depth);
  if (value instanceof Set) return plain([...value], depth);
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner, depth + 1)]));
}
