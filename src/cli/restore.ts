import { LifeboatError } from "../errors.ts";
import { parseMoment } from "../plan/moment.ts";
import { pathBelowSources } from "../run/catalogue/paths.ts";
import { restoreBeside } from "../run/in-place/beside.ts";
import { planInPlace, restoreInPlace } from "../run/in-place/in-place.ts";
import { bringBackLeftovers } from "../run/recovery/recover.ts";
import type { InPlacePlan } from "../run/in-place/plan.ts";
import type { Look } from "../report/table.ts";
import { restoreFile, type WantedFile } from "../run/restore/restore-file.ts";
import { restoreToStream } from "../run/restore/restore-to-stream.ts";
import { restoreTo } from "../run/restore/restore.ts";
import { given, type CommandLine, type Options } from "./command.ts";
import { planText } from "./plan-text.ts";
import { askYes } from "./question.ts";
import { reportText } from "./report-text.ts";

interface RestoreOptions extends Options {
  readonly to?: string;
  readonly inPlace?: boolean;
  readonly stdout?: boolean;
  readonly as?: string;
  readonly at?: string;
  readonly only?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly keepOld?: boolean;
  readonly keepLabels?: boolean;
  readonly fromFile?: string;
  readonly maxSize?: string;
}

export function addRestore(line: CommandLine): void {
  const { command, assembled, tell, end, world } = line;
  command("restore [id]", "restore a backup; <id> may be 'latest' or the beginning of an id")
    .option("--to <folder>", "into a folder that is empty, or does not exist yet")
    .option("--in-place", "where the data lives: stop what uses it, replace it, start again; undone if that fails")
    .option("--as <path>", "in place, with --only: beside the live one under this free name, and nothing is stopped")
    .option("--stdout", "with --only FILE: the bytes of that one file to standard output, and nothing else there")
    .option("--at <time>", 'with latest: the newest taken at or before this, as "2026-02-14 02:00" in TZ')
    .option("--target <name>", "only from this target")
    .option("--only <path...>", "only these files, folders or databases, relative to BACKUP_SOURCES")
    .option("--dry-run", "in place: fetch, check and show what would be done, and touch nothing")
    .option("--yes", "in place: do not ask")
    .option("--keep-old", "in place: keep what was replaced, beside the new")
    .option("--keep-labels", "to a folder: with the SELinux labels and NFS ACLs of the machine that was backed up")
    .option("--from-file <file>", "to a folder: what gpg, openssl, tar or gzip made before; instead of <id>")
    .option("--max-size <size>", "with --from-file: refuse what unpacks to more, as 500M or 20G; default: what is free")
    .action(async (id: string | undefined, options: RestoreOptions) => {
      if (id === undefined || options.fromFile !== undefined) {
        const wanted = wantedFile(id, options);
        const tools = await assembled("decrypt");
        tell(await restoreFile(wanted, tools, world.signal), options.json, tools);
        return;
      }
      requireSense(id, options, world.stdin?.isTTY === true);
      if (options.stdout) requireOneFile(options, world.stdout.isTTY === true);
      const tools = await assembled("restore");
      const { at, only } = options;
      const wanted = {
        id,
        ...given({ target: options.target }),
        ...(at === undefined ? {} : { takenBy: parseMoment(at, tools.config.schedule.timeZone) }),
        ...(only === undefined ? {} : { only: only.map((path) => partOf(path, tools.config.sources)) }),
      };
      if (options.stdout) {
        const report = await restoreToStream(
          { ...wanted, path: wanted.only?.[0] ?? "" },
          world.stdout,
          tools,
          world.signal,
        );
        world.stderr.write(
          `${reportText(report, { ...tools.look, color: tools.config.color && world.stderr.isTTY === true })}\n`,
        );
        end(report.exitCode);
        return;
      }
      if (options.to !== undefined) {
        tell(
          await restoreTo({ ...wanted, to: options.to, keepLabels: options.keepLabels ?? false }, tools, world.signal),
          options.json,
          tools,
        );
        return;
      }
      if (options.as !== undefined) {
        const path = { only: wanted.only?.[0] ?? "", as: partOf(options.as, tools.config.sources) };
        const beside = { ...wanted, ...path, recover: bringBackLeftovers };
        tell(await restoreBeside(beside, tools, world.signal), options.json, tools);
        return;
      }
      const confirm = async (plan: InPlacePlan) => {
        show(plan, options, tools.look, line);
        return options.yes === true || (await askYes("Go on?", world));
      };
      const inPlace = { ...wanted, keepOld: options.keepOld ?? false, recover: bringBackLeftovers };
      const report = options.dryRun
        ? await planInPlace(
            { ...inPlace, confirm: async (plan) => show(plan, options, tools.look, line) },
            tools,
            world.signal,
          )
        : await restoreInPlace({ ...inPlace, confirm }, tools, world.signal);
      tell(report, options.json, tools);
    });
}

/** For a person on stderr, so that what is on stdout stays one report. A dry run's plan is its result. */
function show(
  plan: InPlacePlan,
  { json, dryRun }: RestoreOptions,
  { timeZone }: Look,
  { world, print }: CommandLine,
): true {
  if (dryRun) print(json ? JSON.stringify({ plan }) : planText(plan, timeZone));
  else world.stderr.write(`${planText(plan, timeZone)}\n`);
  return true;
}

function requireSense(id: string, options: RestoreOptions, hasTerminal: boolean): void {
  const wrong = (message: string, hint: string) => new LifeboatError("usage", message, { hint });
  if (options.maxSize !== undefined) {
    throw wrong("--max-size belongs to --from-file", "How large a backup is, its receipt says.");
  }
  const { to, inPlace, stdout, as, at, dryRun, yes, keepOld, keepLabels } = options;
  if ([to !== undefined, inPlace, stdout].filter(Boolean).length !== 1) {
    const ways = "Give one of --to FOLDER, --in-place, and --stdout for a single file.";
    throw wrong("a restore goes either to a folder or in place", ways);
  }
  if (at !== undefined && id !== "latest") {
    throw wrong(`--at chooses a backup, and so does '${id}'`, "Give 'latest' with --at, or the id alone.");
  }
  if (!inPlace && (dryRun || yes || keepOld)) {
    throw wrong("--dry-run, --yes and --keep-old belong to --in-place", "A restore to a folder replaces nothing.");
  }
  if (to === undefined && keepLabels) {
    throw wrong(
      "--keep-labels belongs to --to",
      "In place, labels are those of the backup as it is; a single file has none.",
    );
  }
  if (as !== undefined && (!inPlace || options.only?.length !== 1 || dryRun || keepOld)) {
    throw wrong(
      "--as goes with --in-place and one --only",
      "--in-place --only app/config.toml --as app/config.toml.old",
    );
  }
  if (inPlace && as === undefined && !dryRun && !yes && !hasTerminal) {
    throw wrong(
      "there is no terminal to ask on",
      "Say --yes to replace without being asked, or --dry-run to see the plan.",
    );
  }
}

function requireOneFile({ only = [], json }: RestoreOptions, isTerminal: boolean): void {
  const wrong = (message: string, hint: string) => new LifeboatError("usage", message, { hint });
  if (only.length !== 1) {
    throw wrong(
      "--stdout is for one file",
      "Name it: --only app/config.toml --stdout. For more than one there is --to.",
    );
  }
  if (json) throw wrong("--json and --stdout both want standard output", "The report of --stdout is on stderr.");
  if (isTerminal) {
    throw wrong(
      "standard output is a terminal, which would change the bytes, and mix the log into them",
      "Let none be made: docker compose exec -T backup lifeboat restore … --stdout > FILE",
    );
  }
}

function wantedFile(id: string | undefined, { fromFile, to, maxSize, ...rest }: RestoreOptions): WantedFile {
  const wrong = (message: string, hint: string) => new LifeboatError("usage", message, { hint });
  if (fromFile === undefined) throw wrong("nothing says what to restore", "Give an id, 'latest', or --from-file FILE.");
  if (id !== undefined) throw wrong(`both '${id}' and --from-file are given`, "Give one of the two.");
  if (to === undefined) throw wrong("--from-file needs --to", "Say where its files shall go: --to FOLDER.");
  const { json: _, ...others } = rest;
  if (Object.keys(others).length > 0) {
    throw wrong("--from-file goes with --to and --max-size only", "Leave the other options out.");
  }
  return { file: fromFile, to, ...(maxSize === undefined ? {} : { maxBytes: bytesOf(maxSize) }) };
}

function bytesOf(size: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(size) ?? [];
  if (number !== undefined) return Math.floor(Number(number) * 1024 ** " KMGT".indexOf(unit.toUpperCase() || " "));
  throw new LifeboatError("usage", `--max-size '${size}' is no size`, { hint: "Such as 500M or 20G." });
}

function partOf(path: string, sources: string): string {
  const below = pathBelowSources(path, sources);
  if (below !== "") return below;
  throw new LifeboatError("usage", `--only '${path}' is everything`, {
    hint: "Leave --only out to restore all of it.",
  });
}
