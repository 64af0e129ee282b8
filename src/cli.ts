import { Command, CommanderError, Help } from "commander";
import type { Surroundings } from "./assemble.ts";
import { commandLine, type CommandLine } from "./cli/command.ts";
import { commandNames } from "./cli/command-names.ts";
import { unknownCommand } from "./cli/unknown-command.ts";
import { SettingsError } from "./config/problems.ts";
import { describeError, exitCodeOf, hintOf, Interrupted, LifeboatError } from "./errors.ts";
import { inZone } from "./report/units.ts";
import { redact } from "./system/secret.ts";
import { version } from "./version.ts";

type Add = (line: CommandLine) => void;

/** Every command, in the order of the help. Each is loaded when it is meant, or when all are: a start is not for free. */
const commands: readonly (readonly [name: string, load: () => Promise<Add>])[] = [
  ["backup", async () => (await import("./cli/backup.ts")).addBackup],
  ["list", async () => (await import("./cli/list.ts")).addList],
  ["ls", async () => (await import("./cli/ls.ts")).addLs],
  ["find", async () => (await import("./cli/find.ts")).addFind],
  ["diff", async () => (await import("./cli/diff.ts")).addDiff],
  ["restore", async () => (await import("./cli/restore.ts")).addRestore],
  ["restore-rows", async () => (await import("./cli/restore-rows.ts")).addRestoreRows],
  ["verify", async () => (await import("./cli/verify.ts")).addVerify],
  ["prune", async () => (await import("./cli/prune.ts")).addPrune],
  ["forget", async () => (await import("./cli/forget.ts")).addForget],
  ["pin", async () => (await import("./cli/pin.ts")).addPin],
  ["unpin", async () => (await import("./cli/pin.ts")).addUnpin],
  ["decrypt", async () => (await import("./cli/decrypt.ts")).addDecrypt],
  ["config", async () => (await import("./cli/config.ts")).addConfig],
  ["health", async () => (await import("./cli/health.ts")).addHealth],
  ["version", async () => (await import("./cli/version.ts")).addVersion],
  ["completion", async () => (await import("./cli/completion.ts")).addCompletion],
  ["help", async () => (await import("./cli/help.ts")).addHelp],
  ["in-place-helper", async () => (await import("./cli/in-place-helper.ts")).addInPlaceHelper],
];

/** None for the daemon and the version. That of the first word, if it knows without the others what to do; else all. */
async function commandsFor([first]: readonly string[]): Promise<readonly Add[]> {
  if (first === undefined || first === "-v" || first === "--version") return [];
  const meant = commands.find(([name]) => name === first && !NEEDS_ALL.includes(name));
  return await Promise.all((meant ? [meant] : commands).map(([, load]) => load()));
}

const NEEDS_ALL = ["help", "completion"];

/** Runs one command line. Resolves with its exit code; results go to stdout, log lines and errors to stderr. */
export async function lifeboat(args: readonly string[], world: Surroundings): Promise<number> {
  let exitCode = 0;
  const program = programOf(await commandsFor(args), world, (code) => (exitCode = code));
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

function programOf(adds: readonly Add[], world: Surroundings, end: (exitCode: number) => void): Command {
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
    const { runDaemon } = await import("./cli/daemon.ts");
    await runDaemon(line);
  });
  for (const add of adds) add(line);
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
