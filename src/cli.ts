import { Command, CommanderError } from "commander";
import { closestMatch } from "leven";
import { assemble, type Assembled, type Surroundings } from "./assemble.ts";
import { entryText, healthText, listText, pruningText, reportText, verifiedText } from "./cli-text.ts";
import { formatEntry } from "./archive/index-file.ts";
import type { Purpose } from "./config/read.ts";
import { showSettings, showSettingsJson } from "./config/show.ts";
import { settingsHelp } from "./config/reference.ts";
import { describeError, exitCodeOf, exitCodes, hintOf, Interrupted, LifeboatError } from "./errors.ts";
import type { RunReport } from "./report/outcome.ts";
import { backup } from "./run/backup.ts";
import { daemon } from "./run/daemon.ts";
import { decrypt } from "./run/decrypt.ts";
import { health } from "./run/health.ts";
import { list } from "./run/list.ts";
import { listEntries } from "./run/ls.ts";
import { pruneAll } from "./run/prune.ts";
import { restoreTo } from "./run/restore.ts";
import { verify } from "./run/verify.ts";
import { redact } from "./system/secret.ts";
import { version } from "./version.ts";

/** Runs one command line. Resolves with its exit code; results go to stdout, log lines and errors to stderr. */
export async function lifeboat(args: readonly string[], world: Surroundings): Promise<number> {
  let exitCode = 0;
  const program = commands(world, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    tellError(error, world, args.includes("--json"));
    return exitCodeOf(error);
  }
  return exitCode;
}

/** Each command: its words, then one call of run/, then its result as text or JSON. `end` sets the exit code. */
function commands(world: Surroundings, end: (exitCode: number) => void): Command {
  const { stdout, stderr, signal } = world;
  const print = (text: string) => void stdout.write(`${text}\n`);
  const assembled = (purpose: Purpose) => assemble(world, purpose);
  const tell = (report: RunReport, json: boolean | undefined, { look }: Assembled) => {
    print(json ? JSON.stringify(report) : reportText(report, look));
    end(report.exitCode);
  };
  const program = new Command("lifeboat")
    .description("Backs up a stack, proves it, and brings it back. Without a command: the daemon, on schedule.")
    .version(version, "--version")
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .addHelpText("after", `\nSettings are environment variables (each also as NAME_FILE):\n${settingsHelp()}`)
    .showSuggestionAfterError();
  const command = (words: string, description: string) =>
    program.command(words).description(description).option("--json", "print JSON, for machines");

  program.allowExcessArguments().action(async () => {
    if (program.args[0] !== undefined) throw unknownCommand(program.args[0], program);
    const tools = await assembled("backup");
    const interrupted = await daemon(tools, (runSignal) => backup(tools, runSignal), signal);
    if (interrupted) end(exitCodeOf(signal.reason));
  });

  command("backup", "make a backup now").action(async ({ json }: Options) => {
    const tools = await assembled("backup");
    tell(await backup(tools, signal), json, tools);
  });

  command("list", "show the backups on all targets")
    .option("--target <name>", "only this target")
    .action(async ({ json, target }: Options) => {
      const tools = await assembled("restore");
      const listing = await list(target, tools, signal);
      print(json ? JSON.stringify(listing) : listText(listing, tools.look));
      if (listing.warnings.length > 0) end(exitCodes.degraded);
    });

  command("ls <id> [path]", "show the files in a backup, or below a path in it")
    .option("--target <name>", "only from this target")
    .action(async (id: string, path: string | undefined, { json, target }: Options) => {
      const tools = await assembled("restore");
      const wanted = { id, ...given({ path, target }) };
      for await (const entry of listEntries(wanted, tools, signal)) {
        print(json ? formatEntry(entry).trimEnd() : entryText(entry, tools.look));
      }
    });

  command("restore <id>", "restore a backup into a folder; <id> may be 'latest' or the beginning of an id")
    .requiredOption("--to <folder>", "an empty folder, or one that does not exist yet")
    .option("--target <name>", "only from this target")
    .action(async (id: string, { json, to, target }: Options & { to: string }) => {
      const tools = await assembled("restore");
      tell(await restoreTo({ id, to, ...given({ target }) }, tools, signal), json, tools);
    });

  command("verify [id]", "check backups on the targets: one, 'latest' (the default) or 'all'")
    .option("--read", "read every byte back, open it, and compare every file with its digest")
    .option("--target <name>", "only on this target")
    .action(async (id: string | undefined, { json, read, target }: Options & { read?: boolean }) => {
      const tools = await assembled("restore");
      const wanted = { id: id ?? "latest", read: read ?? false, ...given({ target }) };
      const { report, verified } = await verify(wanted, tools, signal);
      print(json ? JSON.stringify({ ...report, verified }) : verifiedText(verified, report, tools.look));
      end(report.exitCode);
    });

  command("prune", "remove the backups that the retention settings no longer keep")
    .option("--dry-run", "only show what would be removed, and why")
    .action(async ({ json, dryRun }: Options & { dryRun?: boolean }) => {
      const tools = await assembled("restore");
      const { report, prunings } = await pruneAll(dryRun ?? false, tools, signal);
      print(json ? JSON.stringify({ ...report, prunings }) : pruningText(prunings, report, tools.look));
      end(report.exitCode);
    });

  command("decrypt <file>", "open one sealed file by hand: an archive to a tar file, an index to its lines")
    .option("--to <file>", "where to (default: beside it, without .zst.gpg)")
    .action(async (file: string, { json, to }: Options & { to?: string }) => {
      const { keys } = await assembled("decrypt");
      const written = await decrypt(file, to, keys, signal);
      print(json ? JSON.stringify({ written }) : `written to ${written}`);
    });

  command("config", "show the settings in force, secrets masked").action(async ({ json }: Options) => {
    const { settings } = await assembled("backup");
    print(json ? JSON.stringify(showSettingsJson(settings)) : showSettings(settings));
  });

  command("health", "exit with 0 if backups are made as they should be (for HEALTHCHECK)").action(
    async ({ json }: Options) => {
      const found = await health(await assembled("restore"));
      print(json ? JSON.stringify(found) : healthText(found));
      end(found.healthy ? 0 : exitCodes.failed);
    },
  );

  command("version", "show the version").action(({ json }: Options) => {
    print(json ? JSON.stringify({ version, node: process.version }) : `lifeboat ${version} (node ${process.version})`);
  });
  return program;
}

function unknownCommand(word: string, program: Command): LifeboatError {
  const names = program.commands.map((each) => each.name());
  const near = closestMatch(word, names, { maxDistance: 3 });
  return new LifeboatError("usage", `there is no command '${word}'`, {
    hint: near === undefined ? `There are: ${names.join(", ")}.` : `Did you mean '${near}'?`,
  });
}

interface Options {
  readonly json?: boolean;
  readonly target?: string;
}

/** Only what was given: an option left out is no option. */
function given<T extends Record<string, string | undefined>>(options: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

function tellError(error: unknown, { stdout, stderr }: Surroundings, json: boolean): void {
  const hint = hintOf(error);
  const message = redact(describeError(error));
  if (json) stdout.write(`${JSON.stringify({ error: { message, hint, exitCode: exitCodeOf(error) } })}\n`);
  const unforeseen = !(error instanceof LifeboatError || error instanceof Interrupted);
  const trace = unforeseen && error instanceof Error ? `\n${redact(error.stack ?? "")}` : "";
  stderr.write(`lifeboat: ${message}${hint === undefined ? "" : `\n  ${redact(hint)}`}${trace}\n`);
}
