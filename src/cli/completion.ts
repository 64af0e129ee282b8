import { Argument, type Command } from "commander";
import type { CommandLine } from "./command.ts";

export function addCompletion({ program, print }: CommandLine): void {
  program
    .command("completion")
    .description("print a script that completes commands and options in a shell")
    .addArgument(new Argument("<shell>", "whose script").choices(["bash"]))
    .allowExcessArguments(false)
    .action(() => print(bashScript(program)));
}

/** Made from the commands as they are, so that it never knows less than the help. No data goes into it. */
function bashScript(program: Command): string {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const names = commands.map((command) => command.name());
  const flagsOf = (command: Command) => help.visibleOptions(command).flatMap(({ long }) => long ?? []);
  const valued = commands.flatMap((command) =>
    help.visibleOptions(command).flatMap(({ long, required }) => (required && long ? [long] : [])),
  );
  const cases = commands.map((command) => {
    const firsts = command.name() === "help" ? [...names, "settings"] : command.registeredArguments.flatMap(choicesOf);
    return `    ${command.name()}) words='${[...firsts, ...flagsOf(command)].join(" ")}' ;;`;
  });
  return [
    "# Completes lifeboat in bash: source <(lifeboat completion bash)",
    "_lifeboat() {",
    "  local words=",
    // What follows such an option is a value: bash completes it as the name of a file.
    `  case \${COMP_WORDS[COMP_CWORD - 1]} in ${[...new Set(valued)].join(" | ")}) return ;; esac`,
    "  case $COMP_CWORD-${COMP_WORDS[1]} in",
    `    1-*) words='${[...names, ...flagsOf(program)].join(" ")}' ;;`,
    ...cases.map((one) => one.replace(/^ {4}/, "    *-")),
    "  esac",
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")',
    "}",
    "complete -o default -F _lifeboat lifeboat",
  ].join("\n");
}

/** What may stand for an argument, as far as that is known without asking a target. */
function choicesOf(argument: Argument): readonly string[] {
  return argument.argChoices ?? (argument.name() === "id" ? ["latest"] : []);
}
