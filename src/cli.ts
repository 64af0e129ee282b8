import type { Writable } from "node:stream";
import { Command, CommanderError } from "commander";
import { assemble, type Assembled } from "./assemble.ts";
import type { Purpose } from "./config/read.ts";
import { showConfig, showConfigJson } from "./config/show.ts";
import { settingsHelp } from "./config/reference.ts";
import { describeError, exitCodeOf, exitCodes, hintOf, Interrupted, LifeboatError } from "./errors.ts";
import { healthText, listText, lsLine, pruningText, reportText, verifiedText } from "./report/text.ts";
import type { RunReport } from "./report/outcome.ts";
import { redact } from "./system/secret.ts";
import { version } from "./version.ts";
import { backup } from "./run/backup.ts";
import { daemon } from "./run/daemon.ts";
import { decrypt } from "./run/decrypt.ts";
import { health } from "./run/health.ts";
import { list } from "./run/list.ts";
import { listEntries } from "./run/ls.ts";
import { pruneAll } from "./run/prune.ts";
import { restoreTo } from "./run/restore.ts";
import { verify } from "./run/verify.ts";

/** What the program may touch of the process it runs in. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborted with Interrupted when the process is asked to end. */
  readonly signal: AbortSignal;
}

/** Runs one command line. Resolves with its exit code; results go to stdout, log lines and errors to stderr. */
export async function lifeboat(args: readonly string[], world: World): Promise<number> {
  let exitCode = 0;
  const program = commands(world, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    tellError(error, world, args.includes("--json"));
    return exitCodeOf(error);
  }
  return world.signal.reason instanceof Interrupted && exitCode !== 0 ? world.signal.reason.exitCode : exitCode;
}

function commands(world: World, end: (exitCode: number) => void): Command {
  const { env, stdout, stderr, signal } = world;
  const print = (text: string) => void stdout.write(`${text}\n`);
  const using_ = (purpose: Purpose) => assemble({ env, stderr, purpose }, signal);
  const tellReport = (report: RunReport, json: boolean | undefined, tools: Assembled) => {
    print(json ? JSON.stringify(report) : reportText(report, tools.look));
    end(report.exitCode);
  };

  const program = new Command("lifeboat")
    .description("Backs up a stack, proves it, and brings it back. Without a command: the daemon, on schedule.")
    .version(version, "--version")
    .helpCommand(true)
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .addHelpText("after", `\nSettings are environment variables (each also as NAME_FILE):\n${settingsHelp()}`)
    .showSuggestionAfterError();
  const command = (words: string, description: string) =>
    program.command(words).description(description).option("--json", "print one JSON object, for machines");

  program.action(async () => {
    const tools = await using_("backup");
    const interrupted = await daemon(tools, (runSignal) => backup(tools, runSignal), signal);
    end(interrupted ? exitCodeOf(signal.reason) : 0);
  });

  command("backup", "make a backup now").action(async ({ json }: Json) => {
    const tools = await using_("backup");
    tellReport(await backup(tools, signal), json, tools);
  });

  command("list", "show the backups on all targets")
    .option("--target <name>", "only this target")
    .action(async ({ json, target }: Json & OnTarget) => {
      const tools = await using_("restore");
      const listing = await list(target, tools, signal);
      print(json ? JSON.stringify(listing) : listText(listing, tools.look));
      if (listing.warnings.length > 0) end(exitCodes.degraded);
    });

  command("ls <id> [path]", "show the files in a backup")
    .option("--target <name>", "only this target")
    .action(async (id: string, path: string | undefined, { json, target }: Json & OnTarget) => {
      const tools = await using_("restore");
      const wanted = { id, ...(path === undefined ? {} : { path }), ...(target === undefined ? {} : { target }) };
      for await (const entry of listEntries(wanted, tools, signal)) print(lsLine(entry, json ?? false));
    });

  command("restore <id>", "restore a backup into a folder; the id may be 'latest' or the beginning of one")
    .requiredOption("--to <folder>", "an empty folder, or one that does not exist yet")
    .option("--target <name>", "only from this target")
    .action(async (id: string, { json, to, target }: Json & OnTarget & { to: string }) => {
      const tools = await using_("restore");
      const wanted = { id, to, ...(target === undefined ? {} : { target }) };
      tellReport(await restoreTo(wanted, tools, signal), json, tools);
    });

  command("verify [id]", "check backups on the targets: one, 'latest' (the default) or 'all'")
    .option("--read", "read every byte back, open it, and compare every file with its digest")
    .option("--target <name>", "only on this target")
    .action(async (id: string | undefined, { json, read, target }: Json & OnTarget & { read?: boolean }) => {
      const tools = await using_("restore");
      const wanted = { id: id ?? "latest", read: read ?? false, ...(target === undefined ? {} : { target }) };
      const { report, verified } = await verify(wanted, tools, signal);
      print(json ? JSON.stringify({ ...report, verified }) : verifiedText(verified, report, tools.look));
      end(report.exitCode);
    });

  command("prune", "remove the backups that the retention settings no longer keep")
    .option("--dry-run", "only show what would be removed, and why")
    .action(async ({ json, dryRun }: Json & { dryRun?: boolean }) => {
      const tools = await using_("restore");
      const { report, prunings } = await pruneAll(dryRun ?? false, tools, signal);
      print(json ? JSON.stringify({ ...report, prunings }) : pruningText(prunings, report, tools.look));
      end(report.exitCode);
    });

  command("decrypt <file>", "open one sealed file by hand: archive or index to the tar or the lines inside")
    .option("--to <file>", "where to (default: beside it, without its .zst.gpg)")
    .action(async (file: string, { json, to }: Json & { to?: string }) => {
      const { keys } = await using_("decrypt");
      const written = await decrypt(file, to, keys, signal);
      print(json ? JSON.stringify({ written }) : `written to ${written}`);
    });

  command("config", "show the settings in force, secrets masked").action(async ({ json }: Json) => {
    const { settings, look } = await using_("backup");
    print(json ? JSON.stringify(showConfigJson(settings)) : showConfig(settings, look));
  });

  command("health", "exit 0 if backups are being made as they should, for HEALTHCHECK").action(
    async ({ json }: Json) => {
      const { config, clock } = await using_("health");
      const found = await health(config, clock);
      print(json ? JSON.stringify(found) : healthText(found));
      end(found.healthy ? 0 : exitCodes.failed);
    },
  );

  command("version", "show the version").action(({ json }: Json) => {
    print(json ? JSON.stringify({ version, node: process.version }) : `lifeboat ${version} (node ${process.version})`);
  });
  return program;
}

interface Json {
  readonly json?: boolean;
}

interface OnTarget {
  readonly target?: string;
}

function tellError(error: unknown, { stdout, stderr }: World, json: boolean): void {
  const hint = hintOf(error);
  const message = redact(describeError(error));
  if (json) stdout.write(`${JSON.stringify({ error: { message, hint, exitCode: exitCodeOf(error) } })}\n`);
  const unforeseen = !(error instanceof LifeboatError || error instanceof Interrupted);
  const trace = unforeseen && error instanceof Error ? `\n${redact(error.stack ?? "")}` : "";
  stderr.write(`lifeboat: ${message}${hint === undefined ? "" : `\n  ${hint}`}${trace}\n`);
}
