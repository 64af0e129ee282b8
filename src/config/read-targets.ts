import { Secret } from "../system/secret.ts";
import type { TargetConfig } from "./config.ts";
import type { Environment } from "./environment.ts";
import type { Findings } from "./findings.ts";
import { readRsync } from "./read-rsync.ts";
import { readS3 } from "./read-s3.ts";

/** Every place the operator named, local one first. Whether that is enough is the caller's question. */
export function readTargets(
  findings: Findings,
  env: Environment,
  exists: (path: string) => boolean,
): readonly TargetConfig[] {
  return [...readLocal(findings, exists), ...readS3(findings), ...readRsync(findings), ...readRclone(findings, env)];
}

export function requireTarget({ complain }: Findings, targets: readonly TargetConfig[]): void {
  if (targets.length > 0) return;
  complain(
    "BACKUP_ARCHIVE",
    "is not there, and no other target is set, so there is nowhere to keep backups",
    "a folder mounted at /archive, or one of AWS_S3_BUCKET_NAME, RSYNC_DESTINATION and RCLONE_DESTINATION",
  );
}

/** Used if it is there; a folder that is named must be. */
export const DEFAULT_ARCHIVE = "/archive";

function readLocal({ values, isGiven, complain }: Findings, exists: (path: string) => boolean): TargetConfig[] {
  const folder = values.BACKUP_ARCHIVE ?? DEFAULT_ARCHIVE;
  // "/." is there only for a folder.
  if (exists(`${folder}/.`)) return [{ kind: "local", folder }];
  if (isGiven("BACKUP_ARCHIVE") || exists(folder)) {
    complain("BACKUP_ARCHIVE", exists(folder) ? "is not a folder" : "does not exist", "a folder that is mounted here");
    // Kept in the list, so that nobody is also told that there is no target.
    return [{ kind: "local", folder }];
  }
  return [];
}

function readRclone(findings: Findings, env: Environment): TargetConfig[] {
  const { values, complain } = findings;
  const passed = Object.entries(env).filter(([name, value]) => name.startsWith("RCLONE_") && value && !OWN.has(name));
  const destinations = (values.RCLONE_DESTINATION ?? "").split(/\s+/).filter((word) => word !== "");
  if (destinations.length === 0) {
    if (passed.length === 0) return [];
    const names = passed.map(([name]) => name).join(", ");
    complain("RCLONE_DESTINATION", `is not set, and ${names} does nothing without it`, "remote:path, or without them");
  }
  const right = "remote:path, several separated by spaces";
  const twice = destinations.find((destination, at) => destinations.indexOf(destination) !== at);
  if (twice !== undefined) complain("RCLONE_DESTINATION", `names '${twice}' twice`, "each destination once");
  for (const destination of destinations) {
    // Options may be secrets, and this text becomes an argument that anyone on the host can read.
    if (/,[^:/]*:/.test(destination)) {
      complain("RCLONE_DESTINATION", "has a comma before a colon", `${right}; options of a remote as RCLONE_CONFIG_…`);
    } else if (!/^([\w.+@-][\w.+@ -]*|:\w+):/.test(destination)) {
      complain("RCLONE_DESTINATION", `names no remote in '${destination}'`, right);
    }
  }
  const rcloneEnv = Object.fromEntries(passed.map(([name, value]) => [name, hiddenUnlessPlain(name, value ?? "")]));
  return destinations.map((destination) => ({ kind: "rclone", destination, env: rcloneEnv }));
}

const OWN: ReadonlySet<string> = new Set(["RCLONE_DESTINATION", "RCLONE_DESTINATION_FILE"]);

/** Values are secret unless their name or look says otherwise; "sftp" and "true" must stay readable in the log. */
function hiddenUnlessPlain(name: string, value: string): Secret {
  const isPlain =
    /_(TYPE|PROVIDER|REGION|HOST|PORT|USER|ENDPOINT|ACL|STORAGE_CLASS|VENDOR|ENV_AUTH|SHELL_TYPE|CONFIG|CONFIG_DIR)$/.test(
      name,
    ) || /^(true|false|\d+[a-zA-Z]?)$/.test(value);
  return new Secret(value, { redacted: !isPlain });
}
