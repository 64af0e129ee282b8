import type { Kind } from "./kinds.ts";

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
  | "PostgreSQL"
  | "Archive"
  | "Encryption"
  | "Local target"
  | "S3 target"
  | "rsync target"
  | "rclone targets"
  | "Retention"
  | "Docker"
  | "Program";

/** The names of regions, classes, projects: nothing that a path or a shell would take for something else. */
export const objectName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
