import { nearest } from "./near.ts";
import { settingNames } from "./settings.ts";

/** What to say about a variable that is no setting of ours. Undefined: it is none of our business. */
export interface Remark {
  /** "error": ignoring it would lose something the operator counts on. */
  readonly weight: "error" | "warning";
  readonly problem: string;
  readonly right: string;
}

/** Prefixes that are ours alone: whatever begins so was meant for us. */
const OURS = /^(BACKUP|VERIFY|DRILL|NOTIFY)[_-]/i;

export function remarkOn(name: string): Remark | undefined {
  const known = elsewhere.get(name.replace(/_FILE$/, ""));
  if (known) return known;
  const close = alias(name) ?? withPrefix(name) ?? nearest(name, candidates);
  const isOurs = OURS.test(name);
  if (!isOurs && (!close || SHORT_NAMES.has(close))) return undefined;
  return {
    weight: isOurs ? "error" : "warning",
    problem: isOurs ? "is not known to this version" : "is not read by this program",
    right: close ? `${close}, if that was meant` : "a name from docs/reference/settings.md, or none",
  };
}

/** Too short for a resemblance to mean anything. */
const SHORT_NAMES: ReadonlySet<string> = new Set(["TZ", "TZ_FILE", "NO_COLOR_FILE"]);
const candidates = settingNames.flatMap((name) => [name, `${name}_FILE`]);

/** RETENTION_DAYS for BACKUP_RETENTION_DAYS. One word alone may be anybody's. */
function withPrefix(name: string): string | undefined {
  return name.includes("_") ? candidates.find((candidate) => candidate === `BACKUP_${name.toUpperCase()}`) : undefined;
}

function alias(name: string): string | undefined {
  const known = ALIASES[name.replace(/_FILE$/, "") as keyof typeof ALIASES];
  return known && name.endsWith("_FILE") ? `${known}_FILE` : known;
}

const ALIASES = {
  AWS_SECRET_KEY: "AWS_SECRET_ACCESS_KEY",
  AWS_REGION: "AWS_DEFAULT_REGION",
  BACKUP_CRON: "BACKUP_CRON_EXPRESSION",
  BACKUP_SCHEDULE: "BACKUP_CRON_EXPRESSION",
  BACKUP_PASSPHRASE: "GPG_PASSPHRASE",
  BACKUP_PASSWORD: "GPG_PASSPHRASE",
  BACKUP_ENCRYPTION_KEY: "GPG_PASSPHRASE",
  GPG_PASSWORD: "GPG_PASSPHRASE",
  CRON: "BACKUP_CRON_EXPRESSION",
  CRON_SCHEDULE: "BACKUP_CRON_EXPRESSION",
  SCHEDULE: "BACKUP_CRON_EXPRESSION",
  RETENTION: "BACKUP_RETENTION_DAYS",
  KEEP_DAYS: "BACKUP_RETENTION_DAYS",
  PASSPHRASE: "GPG_PASSPHRASE",
  RUN_ON_STARTUP: "BACKUP_ON_START",
} as const;

const error = (problem: string, right: string): Remark => ({ weight: "error", problem, right });
const warning = (problem: string, right: string): Remark => ({ weight: "warning", problem, right });

const viaRclone = (service: string) =>
  error(`makes no target here`, `an rclone remote for ${service}: RCLONE_DESTINATION`);

/** Settings of offen/docker-volume-backup that mean something else here, or nothing. Its other names are ours too. */
const elsewhere: ReadonlyMap<string, Remark> = new Map([
  ["BACKUP_FILENAME", error("does nothing here, names of backups are fixed", "BACKUP_NAME for their first part")],
  [
    "BACKUP_FILENAME_EXPAND",
    error("does nothing here, names of backups are fixed", "BACKUP_NAME for their first part"),
  ],
  ["BACKUP_LATEST_SYMLINK", error("does nothing here", "'latest' in place of an id, in every command")],
  ["BACKUP_FROM_SNAPSHOT", error("does nothing here, databases are always copied first", "without it")],
  ["BACKUP_PRUNING_LEEWAY", error("does nothing here", "BACKUP_RETENTION_DAYS alone")],
  ["BACKUP_PRUNING_PREFIX", error("does nothing here", "BACKUP_NAME: only backups of that name are removed")],
  [
    "BACKUP_SKIP_BACKENDS_FROM_PRUNE",
    error("does nothing here", "a target of its own sidecar without BACKUP_RETENTION_DAYS"),
  ],
  [
    "BACKUP_STOP_DURING_BACKUP_LABEL",
    error("does nothing here", "the label 'lifeboat.hold=stop' on each container to stop"),
  ],
  [
    "BACKUP_STOP_CONTAINER_LABEL",
    error("does nothing here", "the label 'lifeboat.hold=stop' on each container to stop"),
  ],
  [
    "BACKUP_STOP_DURING_BACKUP_NO_RESTART_LABEL",
    error("does nothing here, containers always come back", "the label 'lifeboat.hold=stop' on each container to stop"),
  ],
  ["BACKUP_STOP_SERVICE_TIMEOUT", error("does nothing here", "the label 'lifeboat.hold.timeout' on the container")],
  ["EXEC_LABEL", error("does nothing here", "the labels 'lifeboat.before.exec' and 'lifeboat.after.exec'")],
  ["EXEC_FORWARD_OUTPUT", warning("is not read by this program, output of failed hooks is in the log", "without it")],
  [
    "NOTIFICATION_URLS",
    error("is not known to this version, nobody would be notified", "a watch on 'lifeboat health'"),
  ],
  ["NOTIFICATION_LEVEL", warning("is not read by this program", "without it")],
  [
    "EMAIL_NOTIFICATION_RECIPIENT",
    error("is not known to this version, nobody would be notified", "a watch on 'lifeboat health'"),
  ],
  ["AGE_PASSPHRASE", error("does nothing here, archives are encrypted with OpenPGP", "GPG_PASSPHRASE")],
  ["AGE_PUBLIC_KEYS", error("does nothing here, archives are encrypted with OpenPGP", "GPG_PUBLIC_KEY_RING")],
  ["GZIP_PARALLELISM", warning("is not read by this program, all cores are used", "without it")],
  [
    "AWS_IAM_ROLE_ENDPOINT",
    warning("is not read by this program, only the role of an EC2 instance is found, by itself", "without it"),
  ],
  [
    "AWS_ENDPOINT_INSECURE",
    error("does nothing here, certificates are always checked", "AWS_ENDPOINT_PROTO=http, or rclone's own settings"),
  ],
  ["AWS_ENDPOINT_CA_CERT", error("does nothing here", "an rclone remote with RCLONE_CA_CERT")],
  ["AWS_PART_SIZE", warning("is not read by this program", "without it")],
  ["SSH_HOST_NAME", error("makes no target here", "RSYNC_DESTINATION, or an rclone remote of type sftp")],
  ["WEBDAV_URL", viaRclone("WebDAV")],
  ["AZURE_STORAGE_ACCOUNT_NAME", viaRclone("Azure")],
  ["AZURE_STORAGE_CONNECTION_STRING", viaRclone("Azure")],
  ["DROPBOX_REFRESH_TOKEN", viaRclone("Dropbox")],
  ["GOOGLE_DRIVE_CREDENTIALS_JSON", viaRclone("Google Drive")],
  ["DOCKER_TLS_VERIFY", error("does nothing here", "DOCKER_HOST with a socket proxy")],
]);
