import { LifeboatError } from "../../../errors.ts";
import { redact } from "../../../system/secret.ts";

/** What the server says to a statement that it refuses. */
export class SqlError extends LifeboatError {
  /** SQLSTATE: "23505". */
  readonly code: string;
  readonly detail: string | undefined;
  /** Name of a constraint that was violated, and the schema and table it belongs to. */
  readonly constraint: string | undefined;

  constructor(code: string, message: string, more: { readonly detail?: string; readonly constraint?: string } = {}) {
    super("failed", message);
    this.name = "SqlError";
    this.code = code;
    this.detail = more.detail;
    this.constraint = more.constraint;
  }

  /** Reads what psql prints with VERBOSITY=verbose. Undefined for what is no answer to a statement. */
  static from(stderr: string): SqlError | undefined {
    const [, code, message] = /^(?:psql:.*?: )?\p{L}+: {2}([0-9A-Z]{5}): (.*)$/mu.exec(stderr) ?? [];
    // 08 and 57: the connection is lost, or was ended.
    if (code === undefined || message === undefined || /^(08|57)/.test(code)) return undefined;
    const field = (name: string) => new RegExp(`^${name}: {2}(.*)$`, "m").exec(stderr)?.[1];
    const [detail, constraint] = [field("DETAIL"), field("CONSTRAINT NAME")];
    return new SqlError(code, redact(message), {
      ...(detail === undefined ? {} : { detail }),
      ...(constraint === undefined ? {} : { constraint }),
    });
  }
}
