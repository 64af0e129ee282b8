import type { Log } from "../system/log.ts";
import { redact, type Secret } from "../system/secret.ts";

/** More than any remote has to say at a time. */
const MOST_KEPT = 10;

const KEEP_THE_TOKEN =
  "Give rclone a configuration that it can write: mount the folder that holds it, not the file alone and not ':ro', and set RCLONE_CONFIG (docs/how-to/target-rclone.md).";

/** Storage that accepts a token to get the next one only once, or for a limited time. */
const REPLACES_TOKENS = ["box", "jottacloud", "onedrive"];

/** What must be read about one remote though its calls end well: each sentence is in the log, once until all are taken. */
export class RcloneRemarks {
  readonly #targetName: string;
  readonly #env: Readonly<Record<string, Secret>>;
  readonly #log: Log;
  readonly #kept = new Map<string, string>();

  constructor(targetName: string, env: Readonly<Record<string, Secret>>, log: Log) {
    this.#targetName = targetName;
    this.#env = env;
    this.#log = log;
  }

  /** rclone said this and went on. */
  heard(said: string): void {
    if (!/^Failed to save config/.test(said)) return this.#add(`rclone went on after it said: ${said}`);
    const loses = "a token that it has renewed is lost, and the old one will be refused before long";
    this.#add(`rclone cannot save its configuration, so ${loses}: ${said}`, KEEP_THE_TOKEN);
  }

  /** rclone is called: a token in a variable, where a renewed one cannot be kept, works today and not for ever. */
  called(): void {
    for (const variable of Object.keys(this.#env)) {
      const remote = /^(RCLONE_CONFIG_\w+)_TOKEN$/.exec(variable)?.[1];
      const type = remote && this.#env[`${remote}_TYPE`]?.reveal();
      if (!type || !REPLACES_TOKENS.includes(type)) continue;
      const loses = `${type} will refuse the old one before long`;
      this.#add(`rclone cannot keep a renewed token in ${variable}, and ${loses}`, KEEP_THE_TOKEN);
    }
  }

  take(): readonly string[] {
    const sentences = [...this.#kept.values()];
    this.#kept.clear();
    return sentences;
  }

  #add(remark: string, hint?: string): void {
    const sentence = redact(`target '${this.#targetName}': ${remark}`);
    // Names of temporary files and times differ from call to call.
    const gist = sentence.replace(/\d+/g, "");
    if (this.#kept.has(gist) || this.#kept.size >= MOST_KEPT) return;
    this.#kept.set(gist, sentence);
    this.#log.warn(sentence, hint === undefined ? {} : { hint });
  }
}
