import { exitCodes, type FailureKind } from "../errors.ts";
import { ROW_SETS } from "./read-row-sets.ts";
import type { Group } from "./setting.ts";
import { settingNames, settingOf, type SettingName } from "./settings.ts";

/** The settings as `help settings` shows them: name, default, and what it means in plain text. */
export function settingsHelp(): string {
  const lines = byGroup().flatMap(([group, names]) => [`\n${group}`, ...names.map(helpEntry)]);
  const rows = [`\nRows`, `  ${ROW_SETS.name}`, ...indented(ROW_SETS.meaning)];
  return [...lines, ...rows].join("\n").trimStart();
}

function helpEntry(name: SettingName): string {
  const { default: standard, unset, meaning } = settingOf(name);
  const without = standard ?? unset;
  const text = `${meaning}${without === undefined ? "" : ` Default: ${without}.`}`;
  return [`  ${name}`, ...indented(text)].join("\n");
}

function indented(markdown: string): readonly string[] {
  return wrapped(markdown.replaceAll("`", ""), 74).map((line) => `      ${line}`);
}

/** docs/reference/settings.md */
export function settingsPage(): string {
  const sections = byGroup().map(([group, names]) => {
    const rows = names.map((name) => {
      const { kind, meaning, example } = settingOf(name);
      const shown = example === undefined ? "" : ` Example: \`${escaped(example)}\`.`;
      return `| \`${name}\` | ${escaped(kind.words)} | ${defaultWords(name)} | ${escaped(meaning)}${shown} |`;
    });
    return `## ${group}\n\n| name | value | default | meaning |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `${SETTINGS_INTRO}\n${sections.join("\n")}\n${rowSetsSection()}\n${envFile()}`;
}

/** Their names are the operator's, so they are no settings of the table. */
function rowSetsSection(): string {
  const { name, words, meaning, example } = ROW_SETS;
  const row = `| \`${name}\` | ${words} | | ${meaning} Example: \`${example}\`. |`;
  return `## Rows\n\n| name | value | default | meaning |\n|---|---|---|---|\n${row}\n`;
}

const GENERATED = "<!-- Made by `npm run docs` from the program itself. Change src/config/, not this page. -->";

const SETTINGS_INTRO = `${GENERATED}

# Settings

Lifeboat is configured by environment variables alone. \`lifeboat config\` shows what is in force, secrets masked.

- Each setting can also be given as \`NAME_FILE\`: the path of a file that holds the value, as Docker secrets do. Setting
  both is an error, and so is a file that cannot be read or is empty. One line break at the end of the file is dropped.
- A variable that is set but empty counts as unset.
- Everything that is wrong is told at once, and stops the start with exit code 2: values that make no sense, settings
  that contradict each other or do nothing, and every name beginning with \`BACKUP_\`, \`VERIFY_\`, \`DRILL_\` or \`NOTIFY_\`
  that is not on this page. Names that look like a misspelt setting of another kind are warnings in the log.
- Durations have a unit: \`30s\`, \`5m\`, \`2h\`, \`7d\`, \`1h30m\`. The longest is \`24d\`.
- True and false may be written \`true\`, \`1\`, \`yes\`, \`on\` and \`false\`, \`0\`, \`no\`, \`off\`.
`;

function defaultWords(name: SettingName): string {
  const { default: standard, unset } = settingOf(name);
  return standard === undefined ? (unset ?? "") : `\`${escaped(standard)}\``;
}

/** An env file that changes nothing: every value in it is the default, and what has none is commented out. */
function envFile(): string {
  const blocks = byGroup().map(([group, names]) => {
    const lines = names.map((name) => {
      const standard = settingOf(name).default;
      return standard === undefined ? `# ${name}=` : `${name}=${standard}`;
    });
    return `# ${group}\n${lines.join("\n")}\n`;
  });
  return `## As an env file\n\nThe values are the defaults. What has none is commented out.\n\n\`\`\`env\n${blocks.join("\n")}\`\`\`\n`;
}

function byGroup(): readonly (readonly [Group, readonly SettingName[]])[] {
  return [...Map.groupBy(settingNames, (name) => settingOf(name).group)];
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

const EXIT_CODE_MEANINGS = {
  failed: "The command failed. What was said last on stderr tells why.",
  settings: "A setting is missing, misspelt, contradictory or useless. Nothing was touched.",
  usage: "The command line was not understood. Nothing was touched.",
  degraded: "Done, but something needs a look: a target that failed, a flawed source, a file that could not be read.",
  "not-found": "The backup or the target that was asked for does not exist.",
  locked: "Another run holds the lock of the state folder, and `LOCK_TIMEOUT` has passed.",
  "wrong-key": "The passphrase or private key does not open the backup. Nothing was touched.",
  "verification-failed": "A backup is not what was sealed: bytes are missing or changed, or do not open.",
  "left-down": "A container was not brought back to the state it had. The backup may be complete all the same.",
} as const satisfies Record<FailureKind, string>;

/** docs/reference/exit-codes.md */
export function exitCodesPage(): string {
  const kinds = Object.entries(exitCodes) as [FailureKind, number][];
  const rows = [
    [0, "done", "Everything went well."] as const,
    ...kinds.map(([kind, code]) => [code, kind, EXIT_CODE_MEANINGS[kind]] as const),
    [130, "interrupted", "Ended by SIGINT, in order: containers are back, partial files are gone."] as const,
    [143, "interrupted", "Ended by SIGTERM, in order. The daemon ends with 0 when nothing was under way."] as const,
  ];
  const lines = rows.map(([code, kind, meaning]) => `| ${code} | ${kind} | ${meaning} |`);
  return `${GENERATED}

# Exit codes

The numbers are restic's where restic has one. A code that is not on this page means failure.

| code | kind | meaning |
|---|---|---|
${lines.join("\n")}

When several apply, 14 comes first, because a container that is down needs someone at once; then the code of what the
command failed with; then 3.
`;
}
