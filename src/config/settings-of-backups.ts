import { cron } from "./cron.ts";
import {
  duration,
  fingerprints,
  flag,
  folder,
  line,
  lines,
  oneOf,
  passphrase,
  patterned,
  secret,
  wholeNumber,
} from "./kinds.ts";
import type { Setting } from "./setting.ts";
import { timeZone } from "./time-zone.ts";

/** When to back up, what, and in which form. */
export const BACKUP_SETTINGS = {
  BACKUP_CRON_EXPRESSION: {
    group: "When",
    kind: cron,
    default: "0 2 * * *",
    meaning:
      "When to back up, in the zone of `TZ`. A time that the clocks skip in spring is made up for right after; one that comes twice in autumn counts once.",
    example: "30 3 * * 1-5",
  },
  BACKUP_FULL_CRON_EXPRESSION: {
    group: "When",
    kind: cron,
    unset: "every backup is full",
    meaning:
      "When a full backup is due, in the zone of `TZ`: the first run after such a time makes one, and the runs between copy " +
      "of the servers of `BACKUP_POSTGRES_PHYSICAL` only what has changed since. Everything else is whole in every backup. " +
      "Needs `summarize_wal` on servers of PostgreSQL 17 or newer.",
    example: "0 2 * * 0",
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
    meaning:
      "Everything below this folder is saved. Mount the volumes of the stack there, read-only. Symlinks are saved as " +
      "symlinks; one at the top that leads elsewhere makes the backup flawed, because what is there is not in it.",
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
    meaning:
      "How long the copy of one SQLite database may take, waiting for its locks included; and, by itself, its check, in a backup and in a restore. A copy of which the check was not over is kept, and the run degraded.",
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
    kind: passphrase,
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
  BACKUP_SIGNER: {
    group: "Encryption",
    kind: fingerprints,
    unset: "the key of the state folder; where that has none, any single one",
    meaning:
      "Fingerprint of the key that signs the receipts of backups that no passphrase protects, as `lifeboat list` shows it " +
      "where they are made. With it, what anyone else signed is refused, also on a machine without the state folder. " +
      "Several are separated by commas.",
    example: "SHA256:Zr9xQ4uPqm3Hk1wBvT7sYdNc0eXgLfJ2aRiVoUySWtE",
  },
} as const satisfies Readonly<Record<string, Setting>>;
