import { Command, CommanderError, Help } from "commander";
import type { Surroundings } from "./assemble.ts";
import { addBackup } from "./cli/backup.ts";
import { commandLine } from "./cli/command.ts";
import { addCompletion } from "./cli/completion.ts";
import { addConfig } from "./cli/config.ts";
import { runDaemon } from "./cli/daemon.ts";
import { addDecrypt } from "./cli/decrypt.ts";
import { addDiff } from "./cli/diff.ts";
import { addFind } from "./cli/find.ts";
import { addForget } from "./cli/forget.ts";
import { addHealth } from "./cli/health.ts";
import { addHelp, commandNames } from "./cli/help.ts";
import { addInPlaceHelper } from "./cli/in-place-helper.ts";
import { addList } from "./cli/list.ts";
import { addLs } from "./cli/ls.ts";
import { addPin, addUnpin } from "./cli/pin.ts";
import { addPrune } from "./cli/prune.ts";
import { addRestore } from "./cli/restore.ts";
import { addRestoreRows } from "./cli/restore-rows.ts";
import { unknownCommand } from "./cli/unknown-command.ts";
import { addVerify } from "./cli/verify.ts";
import { addVersion } from "./cli/version.ts";
import { SettingsError } from "./config/problems.ts";
import { describeError, exitCodeOf, hintOf, Interrupted, LifeboatError } from "./errors.ts";
import { inZone } from "./report/units.ts";
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
  addForget,
  addPin,
  addUnpin,
  addDecrypt,
  addConfig,
  addHealth,
  addVersion,
  addCompletion,
  addHelp,
  addInPlaceHelper,
];

/** Runs one command line. Resolves with its exit code; results go to stdout, log lines and errors to stderr. */
export async function lifeboat(args: readonly string[], world: Surroundings): Promise<number> {
  let exitCode = 0;
  const program = programOf(world, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const told = error instanceof CommanderError ? usageError(error, args, program) : error;
    tellError(told, world, args.includes("--json"));
    return exitCodeOf(told);
  }
  return exitCode;
}

function programOf(world: Surroundings, end: (exitCode: number) => void): Command {
  const { stdout, stderr } = world;
  const program = new Command("lifeboat")
    .description("Backs up a stack, proves it, and brings it back. Without a command: the daemon, on schedule.")
    .version(version, "-v, --version")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // Told with all other errors, once, in their form.
      outputError: () => undefined,
    })
    .configureHelp({ formatHelp: commandsFirst })
    .addHelpText("after", "\nSettings are environment variables: 'lifeboat help settings' shows them.")
    .showSuggestionAfterError();
  const line = commandLine(program, world, end);
  program.allowExcessArguments().action(async () => {
    if (program.args[0] !== undefined) throw unknownCommand(program.args[0], commandNames(line));
    await runDaemon(line);
  });
  for (const add of commands) add(line);
  return program;
}

/** What somebody who does not know the program wants to see comes before options that mean nothing to them yet. */
function commandsFirst(this: Help, command: Command, helper: Help): string {
  const sections = Help.prototype.formatHelp.call(helper, command, helper).trimEnd().split("\n\n");
  const isOptions = (section: string) => section.startsWith("Options:");
  const ordered = [...sections.filter((section) => !isOptions(section)), ...sections.filter(isOptions)];
  return `${ordered.join("\n\n")}\n`;
}

/** What the parser of the command line has to say, as an error of ours. */
function usageError({ message }: CommanderError, args: readonly string[], program: Command): LifeboatError {
  const [what = "", meant] = message.replace(/^error: /, "").split("\n");
  const command = args.find((word) => program.commands.some((each) => each.name() === word));
  const suggestion = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(meant ?? "")?.[1];
  const help = `'lifeboat help${command === undefined ? "" : ` ${command}`}' shows what there is.`;
  return new LifeboatError("usage", what.replace(/\.$/, ""), {
    hint: suggestion === undefined ? help : `Did you mean '${suggestion}'? ${help}`,
  });
}

function tellError(error: unknown, { env, stdout, stderr }: Surroundings, json: boolean): void {
  const hint = hintOf(error);
  // The settings' problems are a list, one a line; everything else is one line with its causes.
  const message = redact(error instanceof SettingsError ? error.message : describeError(error));
  if (json) stdout.write(`${JSON.stringify({ error: { message, hint, exitCode: exitCodeOf(error) } })}\n`);
  const unforeseen = !(error instanceof LifeboatError || error instanceof Interrupted);
  const trace = unforeseen && error instanceof Error ? `\n${redact(error.stack ?? "")}` : "";
  const told = `${message}${hint === undefined ? "" : `\n  ${redact(hint)}`}`;
  stderr.write(`lifeboat: ${inZone(told, zoneOf(env))}${trace}\n`);
}

/** As the settings have it, which may be what is wrong. */
function zoneOf({ TZ = "" }: Surroundings["env"]): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: TZ }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}
