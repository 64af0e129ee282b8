import type { ContainerInspectInfo } from "dockerode";

/** "none": it has no healthcheck. "starting": nobody knows yet, also again after a pause. */
export type Health = "none" | "starting" | "healthy" | "unhealthy";

/** How a container's healthcheck is run, as it declares that. */
export interface Probing {
  /** Between two probes, and before the first. */
  readonly intervalMs: number;
  /** For so long after a start a probe may fail and mean nothing. Newer engines probe more often meanwhile. */
  readonly startPeriodMs: number;
  /** After a start the engine says by then what it thinks, at the latest. */
  readonly verdictMs: number;
}

/** Undefined without a healthcheck. */
export function probingOf({ Healthcheck: declared }: ContainerInspectInfo["Config"]): Probing | undefined {
  if (declared?.Test === undefined || declared.Test[0] === "NONE") return undefined;
  const intervalMs = msOf(declared.Interval) || DEFAULTS.intervalMs;
  const timeoutMs = msOf(declared.Timeout) || DEFAULTS.timeoutMs;
  const startPeriodMs = msOf(declared.StartPeriod);
  return { intervalMs, startPeriodMs, verdictMs: startPeriodMs + retriesOf(declared) * (intervalMs + timeoutMs) };
}

/** The engine's own. */
const DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, retries: 3 } as const;

/** What the engine really knows. It calls a container unhealthy from a pause until its next probe, and Podman has more words. */
export function healthOf({ State: state, Config: config }: ContainerInspectInfo): Health {
  const { Status: said, FailingStreak: failed } = state.Health ?? {};
  if (said === undefined || said === "" || said === "none") return "none";
  if (said === "healthy") return said;
  const isVerdict = said === "unhealthy" && (failed === undefined || failed >= retriesOf(config.Healthcheck));
  return isVerdict ? "unhealthy" : "starting";
}

function retriesOf(declared: { readonly Retries?: number | undefined } | undefined): number {
  return declared?.Retries || DEFAULTS.retries;
}

/** The engine counts in nanoseconds. */
function msOf(nanoseconds: number | undefined): number {
  return (nanoseconds ?? 0) / 1_000_000;
}
