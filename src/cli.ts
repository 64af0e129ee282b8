import { Command, CommanderError } from "commander";
import { closestMatch } from "leven";
import type { Surroundings } from "./assemble.ts";
import { addBackup } from "./cli/backup.ts";
import { commandLine } from "./cli/command.ts";
import { addConfig } from "./cli/config.ts";
import { runDaemon } from "./cli/daemon.ts";
import { addDecrypt } from "./cli/decrypt.ts";
import { addDiff } from "./cli/diff.ts";
import { addFind } from "./cli/find.ts";
import { addHealth } from "./cli/health.ts";
import { addInPlaceHelper } from "./cli/in-place-helper.ts";
import { addList } from "./cli/list.ts";
import { addLs } from "./cli/ls.ts";
import { addPrune } from "./cli/prune.ts";
import { addRestore } from "./cli/restore.ts";
import { addRestoreRows } from "./cli/restore-rows.ts";
import { addVerify } from "./cli/verify.ts";
import { addVersion } from "./cli/version.ts";
import { SettingsError } from "./config/problems.ts";
import { settingsHelp } from "./config/reference.ts";
import { describeError, exitCodeOf, exitCodes, hintOf, Interrupted, LifeboatError } from "./errors.ts";
import { redact } from "./system/secret.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help. */
const commands = [
  addBackup,
  addList,
  addLs,
  addFind,
  addDiff,
  addRestore,
  addRestoreRows,
  addVerify,
  addPrune,
  addDecrypt,
  addConfig,
  addHealth,
  addVersion,
  addInPlaceHelper,
];

/** Runs one command line. Resolves with its exit code; results go to stdout, log lines and errors to stderr. */
export async function lifeboat(args: readonly string[], world: Surroundings): Promise<number> {
  let exitCode = 0;
  const program = programOf(world, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    tellError(error, world, args.includes("--json"));
    return exitCodeOf(error);
  }
  return exitCode;
}

function programOf(world: Surroundings, end: (exitCode: number) => void): Command {
  const { stdout, stderr } = world;
  const program = new Command("lifeboat")
    .description("Backs up a stack, proves it, and brings it back. Without a command: the daemon, on schedule.")
    .version(version, "--version")
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .addHelpText("after", `\nSettings are environment variables (each also as NAME_FILE):\n${settingsHelp()}`)
    .showSuggestionAfterError();
  const line = commandLine(program, world, end);
  program.allowExcessArguments().action(async () => {
    if (program.args[0] !== undefined) throw unknownCommand(program.args[0], program);
    await runDaemon(line);
  });
  for (const add of commands) add(line);
  return program;
}

function unknownCommand(word: string, program: Command): LifeboatError {
  const names = program
    .createHelp()
    .visibleCommands(program)
    .map((each) => each.name());
  const near = closestMatch(word, names, { maxDistance: 3 });
  return new LifeboatError("usage", `there is no command '${word}'`, {
    hint: near === undefined ? `There are: ${names.join(", ")}.` : `Did you mean '${near}'?`,
  });
}

function tellError(error: unknown, { stdout, stderr }: Surroundings, json: boolean): void {
  const hint = hintOf(error);
  // The settings' problems are a list, one a line; everything else is one line with its causes.
  const message = redact(error instanceof SettingsError ? error.message : describeError(error));
  if (json) stdout.write(`${JSON.stringify({ error: { message, hint, exitCode: exitCodeOf(error) } })}\n`);
  const unforeseen = !(error instanceof LifeboatError || error instanceof Interrupted);
  const trace = unforeseen && error instanceof Error ? `\n${redact(error.stack ?? "")}` : "";
  stderr.write(`lifeboat: ${message}${hint === undefined ? "" : `\n  ${redact(hint)}`}${trace}\n`);
}
