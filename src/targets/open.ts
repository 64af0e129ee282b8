import { tmpdir } from "node:os";
import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import type { Secret } from "../system/secret.ts";
import { openLocalTarget, type LocalOptions } from "./local.ts";
import { openRcloneTarget } from "./rclone.ts";
import { retrying } from "./retrying.ts";
import { openRsyncTarget, type RsyncOptions } from "./rsync.ts";
import { openS3Target, type S3Options } from "./s3.ts";
import type { Target } from "./target.ts";

export type TargetOptions =
  | ({ readonly kind: "local" } & LocalOptions)
  | ({ readonly kind: "s3" } & S3Options)
  | { readonly kind: "rclone"; readonly destination: string; readonly env: Readonly<Record<string, Secret>> }
  | ({ readonly kind: "rsync" } & RsyncOptions);

export interface TargetTools {
  readonly clock: Clock;
  readonly log: Log;
  /**
   * For key files while a call lasts, receipts being read, and whole archives where a server has no shell to digest
   * them. Default: the folder for temporary files.
   */
  readonly runFolder?: string;
  /** Default 5 minutes. */
  readonly stallTimeoutMs?: number;
  /** How often a call that failed on the way is made at most. Default 5. */
  readonly attempts?: number;
}

/** The targets of the settings, ready and retrying. Reaches out to none of them; throws for settings that cannot be. */
export function openTargets(options: readonly TargetOptions[], tools: TargetTools): readonly Target[] {
  const { clock, log, attempts = 5 } = tools;
  const ready = { ...tools, runFolder: tools.runFolder ?? tmpdir() };
  return options.map((each) => retrying(openTarget(each, ready), { attempts, clock, log }));
}

function openTarget(options: TargetOptions, tools: TargetTools & { readonly runFolder: string }): Target {
  switch (options.kind) {
    case "local":
      return openLocalTarget(options, tools);
    case "s3":
      return openS3Target(options, tools);
    case "rclone":
      return openRcloneTarget(options, tools);
    case "rsync":
      return openRsyncTarget(options, tools);
  }
}
