import type { Secret } from "../system/secret.ts";
import type { RowSets } from "./read-row-sets.ts";

/** What the operator asked for, checked and complete. Made by `readSettings`; durations in ms, sizes in bytes. */
export interface Config {
  /** First part of every key; one stack. Letters, digits, dot, dash and underscore. */
  readonly name: string;
  /** Folder below which everything is saved. */
  readonly sources: string;
  /** Globs relative to `sources`, the built-in ones included; a glob without a slash matches at any depth. */
  readonly exclude: readonly string[];
  /** Matched against the path relative to `sources`. */
  readonly excludeRegexp?: RegExp;
  /** "auto": every file with SQLite's header is copied as a database. "off": none is. */
  readonly sqlite: "auto" | "off";
  readonly sqliteTimeoutMs: number;
  /** Servers dumped over the network; labelled containers are found when a backup is made. */
  readonly postgres: readonly PostgresConfig[];
  /** Servers of which base backups are taken; `databases` has the one that is asked about its server. */
  readonly postgresPhysical: readonly PostgresConfig[];
  /** For one database, or one base backup. */
  readonly postgresTimeoutMs: number;
  /** Journal, catalogue, spool. */
  readonly state: string;
  readonly compression: { readonly kind: "zst" | "gz" | "none"; readonly level: number };
  readonly encryption:
    | { readonly kind: "passphrase"; readonly passphrase: Secret }
    | { readonly kind: "public-keys"; readonly armored: readonly string[] }
    | { readonly kind: "none" };
  /** Only to restore and verify public-key backups. */
  readonly privateKeys: readonly Secret[];
  readonly privateKeyPassphrase?: Secret;
  /** Fingerprints ("SHA256:…") of the keys that sign this operator's receipts, beside that of the state folder. */
  readonly signers: readonly string[];
  readonly targets: readonly TargetConfig[];
  readonly retentionDays?: number;
  readonly schedule: {
    readonly cronExpression: string;
    /** When a full backup is due; undefined: each is. Only where base backups are taken. */
    readonly fullCronExpression?: string;
    /** IANA name; checked to exist. */
    readonly timeZone: string;
    readonly onStart: boolean;
    /** A random wait of up to this long before each scheduled run. */
    readonly jitterMs: number;
  };
  readonly docker: {
    /** As DOCKER_HOST: "unix:///var/run/docker.sock", "tcp://…"; undefined when there is no socket and none was named. */
    readonly host?: string;
    /** Which containers' labels count: "own-project", "all", "none" (then no host), or a compose project's name. */
    readonly project: string;
  };
  /** By upper-case name: the tables and columns whose rows `restore-rows --set` brings back together. */
  readonly rowSets: RowSets;
  readonly lockTimeoutMs: number;
  readonly log: { readonly level: "debug" | "info" | "warn" | "error"; readonly format: "text" | "json" };
  readonly color: boolean;
}

export interface PostgresConfig {
  /** Unique among them; made from host and port. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly databases: readonly string[] | "all";
  readonly sslMode: "disable" | "prefer" | "require" | "verify-ca" | "verify-full";
  /** Path of the certificates to trust; undefined: the system's. */
  readonly sslRootCert?: string;
  readonly password?: Secret;
  /** libpq's password file, where there is no password. */
  readonly passfile?: string;
}

export type TargetConfig =
  | { readonly kind: "local"; readonly folder: string }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      readonly path: string;
      /** With protocol, "https://s3.example.com"; undefined for AWS itself. */
      readonly endpoint?: string;
      readonly region: string;
      readonly accessKeyId?: Secret;
      readonly secretAccessKey?: Secret;
      readonly storageClass?: string;
    }
  | {
      readonly kind: "rclone";
      /** "remote:path" */
      readonly destination: string;
      /** Every RCLONE_* variable of the environment but RCLONE_DESTINATION, passed through. */
      readonly env: Readonly<Record<string, Secret>>;
    }
  | {
      readonly kind: "rsync";
      /** "user@host:/path" */
      readonly destination: string;
      readonly port: number;
      /** The private key itself (OpenSSH format). */
      readonly sshKey: Secret;
      /** Lines of a known_hosts file. */
      readonly knownHosts: string;
    };
