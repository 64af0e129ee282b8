import { nearest } from "./nearest.ts";

/** What a container's `lifeboat.*` labels ask for. */
export interface Wishes {
  readonly hold?: { readonly act: Act; readonly timeoutMs?: number };
  readonly before?: ExecHook;
  readonly after?: ExecHook;
  readonly beforeSignal?: SignalHook;
  /** Asked after a restore: any answer below 400 means that it is well. */
  readonly healthUrl?: string;
  readonly postgres?: PostgresWish;
}

/** That the PostgreSQL server in the container be dumped. */
export interface PostgresWish {
  /** Default: the one that the container's environment names. */
  readonly user?: string;
  /** Default: all there are. */
  readonly databases?: readonly string[] | "all";
  /** Left out on purpose: "!name". */
  readonly dismissed?: readonly string[];
}

/** How a container is brought to rest. */
export type Act = "stop" | "pause";

/** A command for `sh -c` inside the container. */
export interface ExecHook {
  readonly command: string;
  readonly user?: string;
  readonly timeoutMs?: number;
}

/** A signal to the container's first process, and the file that shows it was heeded. */
export interface SignalHook {
  readonly name: SignalName;
  /** As this program sees it; relative means below the sources folder. */
  readonly waitFor?: string;
  readonly timeoutMs?: number;
}

/**
 * Signals that may be sent by label. Only HUP, the one that means "save" or "reload" to the services that know it and
 * is harmless to those that handle it otherwise. USR1 makes Atheme abort without saving; USR2 makes it restart.
 * Whoever needs another one says so in words: lifeboat.before.exec="kill -USR2 1".
 */
export const allowedSignals = ["HUP"] as const;
export type SignalName = (typeof allowedSignals)[number];

export const knownLabels = [
  "lifeboat.hold",
  "lifeboat.hold.timeout",
  "lifeboat.before.exec",
  "lifeboat.before.exec.user",
  "lifeboat.before.exec.timeout",
  "lifeboat.after.exec",
  "lifeboat.after.exec.user",
  "lifeboat.after.exec.timeout",
  "lifeboat.before.signal",
  "lifeboat.before.wait-for",
  "lifeboat.before.timeout",
  "lifeboat.health.http",
  "lifeboat.postgres",
  "lifeboat.postgres.user",
  "lifeboat.postgres.databases",
] as const;
type KnownLabel = (typeof knownLabels)[number];

/** A label that means nothing without another one. */
const companions: readonly (readonly [KnownLabel, KnownLabel])[] = [
  ["lifeboat.hold.timeout", "lifeboat.hold"],
  ["lifeboat.before.exec.user", "lifeboat.before.exec"],
  ["lifeboat.before.exec.timeout", "lifeboat.before.exec"],
  ["lifeboat.after.exec.user", "lifeboat.after.exec"],
  ["lifeboat.after.exec.timeout", "lifeboat.after.exec"],
  ["lifeboat.before.wait-for", "lifeboat.before.signal"],
  ["lifeboat.before.timeout", "lifeboat.before.wait-for"],
  ["lifeboat.postgres.user", "lifeboat.postgres"],
  ["lifeboat.postgres.databases", "lifeboat.postgres"],
];

export type Labels = Readonly<Record<string, string>>;

export function hasLifeboatLabels(labels: Labels): boolean {
  return Object.keys(labels).some((key) => key.startsWith("lifeboat."));
}

/** Reads the `lifeboat.*` labels of the container called `name`. `problems` has one sentence for each that is wrong. */
export function readLabels(name: string, labels: Labels): { wishes: Wishes; problems: readonly string[] } {
  const problems = unknownLabels(labels);
  const value = (label: KnownLabel) => labels[label];
  const bad = (label: KnownLabel, right: string) =>
    problems.push(`'${label}=${shown(value(label) ?? "")}' is not ${right}`);

  const duration = (label: KnownLabel): number | undefined => {
    const text = value(label);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms === undefined) bad(label, "a duration from 1s to 24h, like 30s, 5m or 1m30s");
    return ms;
  };
  const oneOf = <const T extends string>(
    label: KnownLabel,
    words: readonly T[],
    text = value(label),
  ): T | undefined => {
    if (text === undefined) return undefined;
    const word = words.find((candidate) => candidate === text);
    const meant = nearest(text, words);
    if (word === undefined) bad(label, `${words.join(" or ")}${meant ? ` (did you mean ${meant}?)` : ""}`);
    return word;
  };
  const text = (label: KnownLabel): string | undefined => {
    const given = value(label);
    if (given === undefined) return undefined;
    // The kernel takes no argument longer than 128 KiB, and no NUL in one.
    if (given.trim() !== "" && given.length <= 65_536 && !given.includes("\0")) return given;
    bad(label, given.trim() === "" ? "filled in" : "usable: it is too long or holds a NUL");
    return undefined;
  };
  const exec = (phase: "before" | "after"): ExecHook | undefined => {
    const command = text(`lifeboat.${phase}.exec`);
    const user = text(`lifeboat.${phase}.exec.user`);
    const timeoutMs = duration(`lifeboat.${phase}.exec.timeout`);
    return command === undefined ? undefined : defined({ command, user, timeoutMs });
  };

  const act = oneOf("lifeboat.hold", ["stop", "pause"]);
  const holdTimeoutMs = duration("lifeboat.hold.timeout");
  if (act === "pause" && holdTimeoutMs !== undefined) problems.push("'lifeboat.hold.timeout' has no use with pause");
  const signalName = oneOf(
    "lifeboat.before.signal",
    allowedSignals,
    value("lifeboat.before.signal")?.replace(/^SIG/, ""),
  );
  const waitFor = text("lifeboat.before.wait-for");
  const waitMs = duration("lifeboat.before.timeout");
  const isPostgres = oneOf("lifeboat.postgres", ["true", "false"]) === "true";
  const user = text("lifeboat.postgres.user");
  const databases = databasesIn(text("lifeboat.postgres.databases"));
  if (databases?.isContradiction) bad("lifeboat.postgres.databases", "clear: it names a database with '!' and without");
  if (isPostgres && act !== undefined)
    problems.push("'lifeboat.hold' and 'lifeboat.postgres' are both set: a server at rest cannot be dumped");
  const healthUrl = text("lifeboat.health.http");
  if (healthUrl !== undefined && !(URL.canParse(healthUrl) && /^https?:/i.test(healthUrl))) {
    bad("lifeboat.health.http", "an address like http://service:8080/health");
  }
  for (const [label, needed] of companions) {
    if (value(label) !== undefined && value(needed) === undefined)
      problems.push(`'${label}' has no use without '${needed}'`);
  }

  const wishes: Wishes = defined({
    hold: act && defined({ act, timeoutMs: holdTimeoutMs }),
    before: exec("before"),
    after: exec("after"),
    beforeSignal: signalName && defined({ name: signalName, waitFor, timeoutMs: waitMs }),
    postgres: isPostgres ? defined({ user, databases: databases?.wanted, dismissed: databases?.dismissed }) : undefined,
    healthUrl,
  });
  return { wishes, problems: problems.map((problem) => `container '${name}': ${problem}`) };
}

/** "*" or nothing but names with a "!" before them: all; a name with a "!" is left out. */
function databasesIn(given: string | undefined) {
  const words = given?.split(/[\s,]+/).filter((word) => word !== "");
  if (words === undefined) return undefined;
  const names = words.filter((word) => !word.startsWith("!"));
  const dismissed = words.filter((word) => word.startsWith("!")).map((word) => word.slice(1));
  return {
    wanted: names.length === 0 || names.includes("*") ? ("all" as const) : names,
    dismissed: dismissed.length === 0 ? undefined : dismissed,
    isContradiction: dismissed.some((name) => name === "" || names.includes(name)),
  };
}

function unknownLabels(labels: Labels): string[] {
  const known: readonly string[] = knownLabels;
  return Object.keys(labels)
    .filter((key) => key.startsWith("lifeboat.") && !known.includes(key))
    .map((key) => {
      const meant = nearest(key, knownLabels);
      return `'${shown(key)}' is not a label that exists${meant ? ` (did you mean '${meant}'?)` : ""}`;
    });
}

/** "30s", "5m", "1m30s", "2h", or a bare number of seconds; at least 1 s, at most a day. */
export function parseDuration(text: string): number | undefined {
  const match = /^(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s?)?$/.exec(text);
  if (!match) return undefined;
  const [hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const ms = ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000;
  return ms >= 1000 && ms <= 86_400_000 ? ms : undefined;
}

/** Labels are anybody's text: no control characters and no novels in messages. */
function shown(text: string): string {
  const plain = JSON.stringify(text.slice(0, 60)).slice(1, -1);
  return text.length > 60 ? `${plain}…` : plain;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
};

/** The object without its undefined members, as `exactOptionalPropertyTypes` wants it. */
function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, member]) => member !== undefined)) as Defined<T>;
}
