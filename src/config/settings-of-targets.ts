import { folder, line, lines, oneOf, patterned, secret, wholeNumber } from "./kinds.ts";
import { objectName, type Setting } from "./setting.ts";

/** Where backups are kept. */
export const TARGET_SETTINGS = {
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
    meaning: "Host, and port and path if need be, of an S3 server other than Amazon's.",
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
    unset: "`~/.aws/credentials` of the sidecar, else the role of the EC2 instance",
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
} as const satisfies Readonly<Record<string, Setting>>;
