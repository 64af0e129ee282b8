import { objectName, type Setting } from "./setting.ts";
import { POSTGRES_SETTINGS } from "./settings-of-postgres.ts";
import { BACKUP_SETTINGS } from "./settings-of-backups.ts";
import { TARGET_SETTINGS } from "./settings-of-targets.ts";
import { duration, oneOf, patterned, presence, wholeNumber } from "./kinds.ts";

/** What is kept for how long, and how the program itself behaves. */
const OTHER_SETTINGS = {
  BACKUP_RETENTION_DAYS: {
    group: "Retention",
    kind: wholeNumber(1, 36500),
    unset: "everything is kept",
    meaning:
      "Backups older than this many days are removed from a target after a backup has reached it; never the newest good one, never one that is still needed. After a pause longer than that, which may be a wrong clock, what was kept before stays until the new backups span three days.",
    example: "30",
  },
  DOCKER_HOST: {
    group: "Docker",
    kind: patterned(
      "`unix://`, `tcp://`, `http://` or `https://`",
      /^(unix:\/\/\/|(tcp|https?):\/\/[^\s/@]+)\S*$/,
      "is not an address of a Docker engine",
      "unix:///var/run/docker.sock or tcp://host:2375",
    ),
    unset: "`unix:///var/run/docker.sock` if it is there, else no Docker",
    meaning: "Where the Docker engine is, for containers that must be at rest during a backup.",
  },
  BACKUP_DOCKER_PROJECT: {
    group: "Docker",
    kind: patterned(
      "`all`, `none`, or the name of a compose project",
      objectName,
      "is no compose project",
      "all, none, or a project's name",
    ),
    unset: "the sidecar's own compose project",
    meaning:
      "Whose containers' `lifeboat.*` labels count: those of one compose project, or of `all`. With `none` the engine " +
      "is never asked.",
  },
  LOCK_TIMEOUT: {
    group: "Program",
    kind: duration(0),
    default: "1h",
    meaning: "How long to wait for another run on the same state folder before giving up (exit code 11).",
  },
  LOG_LEVEL: {
    group: "Program",
    kind: oneOf("debug", "info", "warn", "error"),
    default: "info",
    meaning: "Least weight a line of the log must have.",
  },
  LOG_FORMAT: {
    group: "Program",
    kind: oneOf("text", "json"),
    default: "text",
    meaning: "`json`: one JSON object per line.",
  },
  NO_COLOR: {
    group: "Program",
    kind: presence,
    meaning: "Set to anything: no colours. Without a terminal there are none either way.",
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** Every setting this version honours. Parsing, `help settings`, `lifeboat config` and the reference page are made from it. */
export const SETTINGS = { ...BACKUP_SETTINGS, ...POSTGRES_SETTINGS, ...TARGET_SETTINGS, ...OTHER_SETTINGS };

export type SettingName = keyof typeof SETTINGS;
export const settingNames = Object.keys(SETTINGS) as readonly SettingName[];

/** What a setting decodes to; undefined only where there is no default. */
export type SettingValue<N extends SettingName> = (typeof SETTINGS)[N] extends Setting<infer T> & {
  readonly default: string;
}
  ? T
  : (typeof SETTINGS)[N] extends Setting<infer T>
    ? T | undefined
    : never;

export type SettingValues = { readonly [N in SettingName]: SettingValue<N> };

export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}
