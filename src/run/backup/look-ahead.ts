import { nextRun } from "../../plan/schedule.ts";
import type { StackPlan } from "../../quiesce/quiescer.ts";
import { flawsOf } from "../../sources/folder.ts";
import type { Findings } from "../../sources/findings.ts";
import { printable } from "../../sources/names.ts";
import type { PlaceSize } from "../../sources/places.ts";
import { byFile } from "../../sources/sqlite-names.ts";
import { explore, noFindings, refuseEmpty } from "../../sources/survey.ts";
import { withDeadline } from "../../system/clock.ts";
import type { Tools } from "../conduct/tools.ts";
import { lookAtServers, type ServerAhead } from "./servers-ahead.ts";
import { surveyOptions } from "./snapshot.ts";
import { flawsOfStores } from "./store-flaws.ts";
import { lookAtStores } from "./stores-in-use.ts";

/** What a backup would save, how, and what it would not; as things are now. */
export interface Ahead {
  readonly name: string;
  readonly root: string;
  readonly places: readonly PlaceSize[];
  readonly totals: Readonly<Findings["totals"]>;
  /** False if there was no time to count everything. */
  readonly isWhole: boolean;
  readonly sqlite: readonly { readonly path: string; readonly sizeBytes: number }[];
  readonly servers: readonly ServerAhead[];
  readonly stack: StackPlan;
  /** Why no container's labels can be seen, if so. */
  readonly blind: string | null;
  /** Databases of which nothing tells whether their program runs. */
  readonly untold: readonly string[];
  /** Of everything that would be copied before it is sealed. */
  readonly databaseBytes: number;
  readonly targets: readonly string[];
  readonly encryption: string;
  readonly nextRunAt: Date;
  /** A backup would be degraded by these: a sentence each. */
  readonly warnings: readonly string[];
  /** A backup would fail with these. */
  readonly failures: readonly unknown[];
}

/**
 * Looks at everything a backup would look at before it begins. Holds, copies and writes nothing. Files are counted for
 * `countMs` at most, if that is given. Rejects only when the signal aborts.
 */
export async function lookAhead(tools: Tools, signal: AbortSignal, countMs?: number): Promise<Ahead> {
  const { config, clock, quiescer, log } = tools;
  const failures: unknown[] = [];
  const unless = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
      return otherwise;
    }
  };
  const findings = noFindings();
  const [isWhole, servers, stack] = await Promise.all([
    unless(countFiles(findings, tools, signal, countMs), false),
    unless(lookAtServers(tools, signal), undefined),
    unless(quiescer.planForBackup(signal), undefined),
  ]);
  if (isWhole && servers?.length === 0) await unless(requireSomething(config.sources, findings), undefined);
  const plan = stack ?? { ...NOTHING_KNOWN, hasEngine: tools.docker !== undefined };
  const found = { ...findings, root: config.sources };
  const held = new Set(plan.holds.map(({ container }) => container));
  const looks = await lookAtStores(found, { log, quiescer: { usersOf: usersOnceHeld(held, tools) } }, signal);
  const inUse = looks.flatMap(({ use }) => use ?? []);
  return {
    name: config.name,
    root: config.sources,
    places: findings.places.sizes(),
    totals: findings.totals,
    isWhole,
    sqlite: byFile(findings.databases).map(({ path, sizeBytes }) => ({ path: printable(path), sizeBytes })),
    servers: servers ?? [],
    stack: withoutDumped(plan, config),
    blind: plan.hasEngine
      ? null
      : config.docker.project === "none"
        ? "with BACKUP_DOCKER_PROJECT=none"
        : "without a Docker socket",
    untold: looks.flatMap(({ state, store }) =>
      state === undefined ? [] : [`'${printable(store.path) || "."}' of ${store.program}`],
    ),
    databaseBytes: [...findings.databases, ...(servers ?? [])].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    targets: tools.targets.map(({ name }) => name),
    encryption: { passphrase: "with a passphrase", "public-keys": "to public keys", none: "not at all" }[
      config.encryption.kind
    ],
    nextRunAt: nextRun(config.schedule.cronExpression, config.schedule.timeZone, clock.now()),
    warnings: [...plan.warnings, ...flawsOf(found), ...flawsOfStores(inUse, plan.hasEngine)],
    failures,
  };
}

/** False if the time was too short. */
async function countFiles(
  findings: Findings,
  tools: Tools,
  signal: AbortSignal,
  countMs: number | undefined,
): Promise<boolean> {
  const options = { ...surveyOptions(tools), mayBeEmpty: true as const };
  if (countMs === undefined) {
    await explore(options, { findings }, signal);
    return true;
  }
  using limited = withDeadline(countMs, () => new Error("there was no time to count everything"), signal);
  try {
    await explore(options, { findings }, limited);
    return true;
  } catch (error) {
    if (error === limited.reason) return false;
    throw error;
  }
}

async function requireSomething(root: string, findings: Findings): Promise<undefined> {
  refuseEmpty(root, findings);
  return undefined;
}

const NOTHING_KNOWN = { holds: [], atRest: [], hooked: [], warnings: [], unsaved: [], servers: [] };

/** Who uses a folder, as it will be once those containers are at rest. */
function usersOnceHeld(held: ReadonlySet<string>, { quiescer }: Tools): Tools["quiescer"]["usersOf"] {
  return async (paths, signal) =>
    (await quiescer.usersOf(paths, signal))?.map((users) =>
      users.map((user) => ({ ...user, isAtRest: user.isAtRest || held.has(user.container) })),
    );
}

/** Servers that the settings name need no label, nor need their files be saved. */
function withoutDumped(stack: StackPlan, { postgres, postgresPhysical }: Tools["config"]): StackPlan {
  const hosts = new Set([...postgres, ...postgresPhysical].map(({ host }) => host));
  const dumped = new Set(
    stack.servers.flatMap(({ container, names }) => (names.some((name) => hosts.has(name)) ? [container] : [])),
  );
  return {
    ...stack,
    servers: stack.servers.filter(({ container }) => !dumped.has(container)),
    unsaved: stack.unsaved.filter(({ containers }) => !containers.every((name) => dumped.has(name))),
  };
}
