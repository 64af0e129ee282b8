import { cron } from "./cron.ts";
import {
  duration,
  flag,
  folder,
  line,
  lines,
  oneOf,
  patterned,
  presence,
  secret,
  wholeNumber,
  type Kind,
} from "./kinds.ts";
import { timeZone } from "./time-zone.ts";

/** One environment variable. Sentences are Markdown. */
export interface Setting<T = unknown> {
  readonly group: Group;
  readonly kind: Kind<T>;
  /** The text that is decoded when nothing is given. */
  readonly default?: string;
  /** What holds when nothing is given, where that is no fixed text. */
  readonly unset?: string;
  readonly meaning: string;
  readonly example?: string;
  readonly secret?: true;
}

export type Group =
  | "When"
  | "What"
  | "Archive"
  | "Encryption"
  | "Local target"
  | "S3 target"
  | "rsync target"
  | "rclone targets"
  | "Retention"
  | "Docker"
  | "Program";

const objectName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Every setting this version honours. Parsing, `--help`, `lifeboat config` and the reference page are made from it. */
export const SETTINGS = {
  BACKUP_CRON_EXPRESSION: {
    group: "When",
    kind: cron,
    default: "0 2 * * *",
    meaning:
      "When to back up, in the zone of `TZ`. A time that the clocks skip in spring is made up for right after; one that comes twice in autumn counts once.",
    example: "30 3 * * 1-5",
  },
  BACKUP_ON_START: {
    group: "When",
    kind: flag,
    default: "false",
    meaning: "Back up once when the daemon starts. A run that was missed is caught up either way.",
  },
  BACKUP_JITTER: {
    group: "When",
    kind: duration(0),
    default: "0s",
    meaning:
      "Wait a random time of up to this long before each scheduled run, so that many stacks do not start at once.",
    example: "10m",
  },
  TZ: {
    group: "When",
    kind: timeZone,
    default: "UTC",
    meaning: "Time zone of the schedule and of the times shown. Names of backups are always in UTC.",
    example: "Europe/Berlin",
  },
  BACKUP_NAME: {
    group: "What",
    kind: patterned(
      "letters, digits, dot, dash and underscore",
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
      "is no name for a backup",
      "up to 63 letters, digits, dots, dashes and underscores, a letter or digit first",
    ),
    unset: "the compose project, else the host name",
    meaning:
      "First part of the name of every backup. One stack, one name: backups under other names are never touched.",
    example: "barycenter",
  },
  BACKUP_SOURCES: {
    group: "What",
    kind: folder,
    default: "/backup",
    meaning: "Everything below this folder is saved. Mount the volumes of the stack there, read-only.",
  },
  BACKUP_EXCLUDE: {
    group: "What",
    kind: lines,
    meaning:
      "Globs of files and folders to leave out, below `BACKUP_SOURCES`, separated by commas or line breaks. One without a slash matches at any depth. Sockets, FIFOs, devices, `*.pid`, `*.sock` and `*.socket` are always left out.",
    example: "*.log, cache/**",
  },
  BACKUP_EXCLUDE_REGEXP: {
    group: "What",
    kind: line,
    meaning:
      "A JavaScript regular expression. Files whose path below `BACKUP_SOURCES` it matches anywhere are left out as well.",
    example: "\\.(bak|old)$",
  },
  BACKUP_SQLITE: {
    group: "What",
    kind: oneOf("auto", "off"),
    default: "auto",
    meaning:
      "`auto`: every file that begins with SQLite's header is copied as a database, consistently, while it is in use, and checked. `off`: they are files like any other; only safe while nothing writes to them.",
  },
  BACKUP_SQLITE_TIMEOUT: {
    group: "What",
    kind: duration(1000),
    default: "5m",
    meaning: "How long the copy of one SQLite database may take, waiting for its locks included.",
  },
  BACKUP_COMPRESSION: {
    group: "Archive",
    kind: oneOf("zst", "gz", "none"),
    default: "zst",
    meaning: "How archives are compressed.",
  },
  BACKUP_COMPRESSION_LEVEL: {
    group: "Archive",
    kind: wholeNumber(1, 19),
    unset: "3 for `zst`, 6 for `gz`",
    meaning: "1 is fastest; `zst` goes up to 19, `gz` up to 9.",
  },
  BACKUP_STATE: {
    group: "Archive",
    kind: folder,
    default: "/var/lib/lifeboat",
    meaning:
      "Folder for the journal, the lock, and the spool in which archives are sealed. Needs a volume, and room for one archive and the copies of the databases.",
  },
  BACKUP_ENCRYPTION: {
    group: "Encryption",
    kind: oneOf("required", "none"),
    default: "required",
    meaning:
      "`none` is the only way to write archives that anyone can read. It goes for every target, the local one too.",
  },
  GPG_PASSPHRASE: {
    group: "Encryption",
    kind: secret,
    secret: true,
    meaning:
      "Passphrase the archives are encrypted with; `gpg --decrypt` opens them too. Keep a copy where the backups are not: without it they are lost. `openssl rand -base64 30` makes a good one.",
  },
  GPG_PUBLIC_KEY_RING: {
    group: "Encryption",
    kind: lines,
    meaning:
      "Instead of a passphrase: one or more armored OpenPGP public keys. Any one of their private keys opens the archives.",
    example: "-----BEGIN PGP PUBLIC KEY BLOCK----- …",
  },
  GPG_PRIVATE_KEY: {
    group: "Encryption",
    kind: lines,
    secret: true,
    meaning:
      "One or more armored OpenPGP private keys. Only needed to verify and restore what was encrypted to public keys.",
  },
  GPG_PRIVATE_KEY_PASSPHRASE: {
    group: "Encryption",
    kind: secret,
    secret: true,
    meaning: "Passphrase that protects `GPG_PRIVATE_KEY`, if one does.",
  },
  BACKUP_ARCHIVE: {
    group: "Local target",
    kind: folder,
    unset: "`/archive` if it exists",
    meaning: "Folder in which backups are kept. It must exist.",
  },
  AWS_S3_BUCKET_NAME: {
    group: "S3 target",
    kind: patterned(
      "the name of a bucket",
      /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/,
      "is not the name of a bucket",
      "the name alone; what is inside the bucket goes into AWS_S3_PATH",
    ),
    meaning: "Bucket in which backups are kept. Setting it is what makes S3 a target.",
    example: "my-backups",
  },
  AWS_S3_PATH: {
    group: "S3 target",
    kind: line,
    meaning: "Prefix inside the bucket.",
    example: "stacks/barycenter",
  },
  AWS_ENDPOINT: {
    group: "S3 target",
    kind: line,
    unset: "Amazon's own",
    meaning: "Host, and port if need be, of an S3 server other than Amazon's.",
    example: "s3.example.com:9000",
  },
  AWS_ENDPOINT_PROTO: {
    group: "S3 target",
    kind: oneOf("https", "http"),
    unset: "`https`",
    meaning: "How to talk to `AWS_ENDPOINT`.",
  },
  AWS_ACCESS_KEY_ID: {
    group: "S3 target",
    kind: secret,
    secret: true,
    unset: "credentials from the machine's role",
    meaning: "Access key. Given together with `AWS_SECRET_ACCESS_KEY`.",
  },
  AWS_SECRET_ACCESS_KEY: {
    group: "S3 target",
    kind: secret,
    secret: true,
    meaning: "Secret that belongs to `AWS_ACCESS_KEY_ID`.",
  },
  AWS_DEFAULT_REGION: {
    group: "S3 target",
    kind: patterned("the name of a region", objectName, "is not the name of a region", "a name such as eu-central-1"),
    unset: "`us-east-1`",
    meaning: "Region of the bucket.",
    example: "eu-central-1",
  },
  AWS_STORAGE_CLASS: {
    group: "S3 target",
    kind: patterned("a storage class", /^[A-Z][A-Z0-9_]*$/, "is not a storage class", "a name such as STANDARD_IA"),
    unset: "the bucket's default",
    meaning:
      "Storage class of what is uploaded. Backups are read back to prove them, so classes that must be thawed first do not work.",
    example: "STANDARD_IA",
  },
  RSYNC_DESTINATION: {
    group: "rsync target",
    kind: patterned(
      "`user@host:/path`",
      /^[A-Za-z0-9_][A-Za-z0-9._-]*@([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):(?!:)[^\s\0'"`$\\;&|<>*?][^\0\n\r]*$/,
      "is not a destination that rsync reaches over ssh",
      "user@host:/path",
    ),
    meaning: "Folder on another machine, reached by rsync over ssh. Setting it is what makes rsync a target.",
    example: "backup@nas.example.com:/srv/backups",
  },
  RSYNC_PORT: {
    group: "rsync target",
    kind: wholeNumber(1, 65535),
    unset: "22",
    meaning: "Port of the ssh server.",
  },
  RSYNC_SSH_KEY: {
    group: "rsync target",
    kind: lines,
    secret: true,
    meaning: "Private key to log in with, in OpenSSH's format and without a passphrase. Best as `RSYNC_SSH_KEY_FILE`.",
  },
  RSYNC_KNOWN_HOSTS: {
    group: "rsync target",
    kind: lines,
    meaning:
      "Lines of a `known_hosts` file: the host's key is always checked. `ssh-keyscan -p PORT HOST` prints them; compare them with the host's own before trusting them.",
    example: "nas.example.com ssh-ed25519 AAAA…",
  },
  RCLONE_DESTINATION: {
    group: "rclone targets",
    kind: lines,
    meaning:
      "One or more `remote:path`, separated by spaces or line breaks; each is a target. Every other `RCLONE_*` variable is passed to rclone as it is, so `RCLONE_CONFIG_NAS_TYPE=sftp` and its like define the remote `nas`.",
    example: "nas:backups b2:bucket/prefix",
  },
  BACKUP_RETENTION_DAYS: {
    group: "Retention",
    kind: wholeNumber(1, 36500),
    unset: "everything is kept",
    meaning:
      "Backups older than this many days are removed from a target after a backup has reached it; never the newest good one, never one that is still needed.",
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
