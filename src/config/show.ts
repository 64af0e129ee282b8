import type { ReadSettings } from "./read.ts";
import { settingNames, settingOf, type SettingName } from "./settings.ts";

/** One setting as it is in force. */
export interface SettingInForce {
  /** A setting's, or that of a variable that is passed to rclone. */
  readonly name: string;
  /** Secrets are `***`; null when there is none. */
  readonly value: string | null;
  readonly from: "set" | "file" | "default";
  /** What NAME_FILE named. */
  readonly file?: string;
}

/** Every setting in force, where it came from, and its value unless that is a secret. In the order of the table. */
export function settingsInForce({ given, config }: ReadSettings): readonly SettingInForce[] {
  const settings = settingNames.map((name): SettingInForce => {
    const found = given.get(name);
    const { secret } = settingOf(name);
    if (!found) return { name, value: defaultOf(name, config), from: "default" };
    const value = secret ? "***" : withoutUserInfo(found.text);
    return found.file === undefined ? { name, value, from: "set" } : { name, value, from: "file", file: found.file };
  });
  const passed = config.targets.find((target) => target.kind === "rclone")?.env ?? {};
  const rowSets = [...config.rowSets].map(([name, columns]) => {
    const value = columns.map(({ table, column }) => `${table}:${column}`).join(",");
    return { name: `RESTORE_ROWS_${name}`, value, from: "set" as const };
  });
  return [
    ...settings,
    ...rowSets,
    ...Object.keys(passed).map((name) => ({ name, value: "***", from: "set" as const })),
  ];
}

/** For people: a line per setting, those that were given and those that have a default. */
export function showSettings(read: ReadSettings): string {
  const shown = settingsInForce(read).filter(({ value }) => value !== null);
  const names = Math.max(...shown.map(({ name }) => name.length));
  const lines = shown.map(({ name, value, from, file }) => {
    const source = from === "file" ? `file ${file}` : from;
    return `${name.padEnd(names)}  ${oneLine(value ?? "")}  (${source})`;
  });
  return lines.join("\n");
}

/** For machines: `{ NAME: { value, from, file? } }`, every setting there is. */
export function showSettingsJson(read: ReadSettings): Record<string, Omit<SettingInForce, "name">> {
  return Object.fromEntries(settingsInForce(read).map(({ name, ...rest }) => [name, rest]));
}

/** What holds where nothing was given, as far as it is a value and not an absence. */
function defaultOf(name: SettingName, config: ReadSettings["config"]): string | null {
  const s3 = config.targets.find((target) => target.kind === "s3");
  const rsync = config.targets.find((target) => target.kind === "rsync");
  const local = config.targets.find((target) => target.kind === "local");
  switch (name) {
    case "BACKUP_NAME":
      return config.name;
    case "BACKUP_COMPRESSION_LEVEL":
      return config.compression.kind === "none" ? null : String(config.compression.level);
    case "BACKUP_ARCHIVE":
      return local?.folder ?? null;
    case "AWS_DEFAULT_REGION":
      return s3?.region ?? null;
    case "RSYNC_PORT":
      return rsync ? String(rsync.port) : null;
    case "DOCKER_HOST":
      return config.docker.host ?? null;
    default:
      return settingOf(name).default ?? null;
  }
}

function oneLine(value: string): string {
  const [first = "", ...more] = value.split("\n");
  return more.length === 0 ? first : `${first} … (${more.length + 1} lines)`;
}

function withoutUserInfo(text: string): string {
  return text.replace(/(\w+:\/\/)[^\s/@]+@/g, "$1***@");
}
