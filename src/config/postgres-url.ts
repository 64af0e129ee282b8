import { Secret } from "../system/secret.ts";
import type { Kind } from "./kinds.ts";
import { Misfit } from "./problems.ts";

/** One server of BACKUP_POSTGRES, as it is written there. */
export interface PostgresUrl {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: Secret;
  /** Undefined: all there are. */
  readonly database?: string;
  readonly sslMode: (typeof SSL_MODES)[number];
  readonly sslRootCert?: string;
}

/** libpq's, without `allow`, which prefers what can be read by others. */
export const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

const RIGHT = "postgres://user@host:5432/database, with the password in BACKUP_POSTGRES_PASSWORD or PGPASSFILE";

/** One or more URLs of servers. What they have in the place of a password is known as a secret once this was called. */
export const postgresUrls: Kind<readonly PostgresUrl[]> = {
  words: "one or more `postgres://user@host:port/database`, blanks between them",
  decode(text) {
    const urls = text.trim().split(/\s+/);
    for (const url of urls) hidePassword(url);
    return urls.map(read);
  },
};

const FORM =
  /^postgres(?:ql)?:\/\/([^:@/?#]+)(?::([^@/?#]*))?@(\[[0-9A-Fa-f:.]+\]|[^:@/?#[\]]+)(?::(\d{1,5}))?(?:\/([^/?#]*))?(?:\?([^#]*))?$/;

function read(url: string): PostgresUrl {
  const [, user, password, host, port, database, options] = FORM.exec(url) ?? [];
  if (user === undefined || host === undefined) {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new Misfit("is not the URL of a PostgreSQL server", RIGHT);
    if (!url.includes("@")) throw new Misfit("names no user", RIGHT);
    throw new Misfit("is a URL with something out of place", `${RIGHT}; other characters as %40 for '@', %2F for '/'`);
  }
  const number = Number(port ?? 5432);
  if (number < 1 || number > 65_535) throw new Misfit("has a port that does not exist", "1 to 65535");
  const name = decoded(database ?? "");
  return {
    host: host.replace(/^\[|\]$/g, ""),
    port: number,
    user: decoded(user),
    ...(password ? { password: new Secret(decoded(password)) } : {}),
    ...(name === "" || name === "*" ? {} : { database: name }),
    ...readOptions(new URLSearchParams(options ?? "")),
  };
}

function readOptions(options: URLSearchParams): Pick<PostgresUrl, "sslMode" | "sslRootCert"> {
  for (const name of options.keys()) {
    if (name !== "sslmode" && name !== "sslrootcert")
      throw new Misfit(`has the option '${name}'`, "sslmode and sslrootcert only");
  }
  const mode = options.get("sslmode") ?? "prefer";
  const sslMode = SSL_MODES.find((one) => one === mode);
  if (sslMode === undefined) throw new Misfit(`has the sslmode '${mode}'`, SSL_MODES.join(", "));
  const sslRootCert = options.get("sslrootcert") ?? undefined;
  if (sslRootCert === undefined) {
    if (sslMode === "verify-ca") throw new Misfit("has sslmode=verify-ca and no sslrootcert", "verify-full, or both");
    return { sslMode };
  }
  if (sslMode === "disable" || sslMode === "prefer")
    throw new Misfit(`has an sslrootcert, which sslmode=${sslMode} does not use`, "sslmode=verify-full");
  if (!sslRootCert.startsWith("/"))
    throw new Misfit("has an sslrootcert that is no absolute path", "/run/secrets/ca.crt");
  return { sslMode, sslRootCert };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Misfit("has a '%' that is no escape", "%25 for a '%'");
  }
}

/** Also where the URL is not one: what was meant as a password must not be in the message about it. */
function hidePassword(url: string): void {
  const meant = /^(?:[a-z+]*:\/*)?[^:]*:(.+)@/i.exec(url)?.[1];
  if (meant === undefined) return;
  new Secret(meant);
  try {
    new Secret(decodeURIComponent(meant));
  } catch {
    // Told when the URL is read.
  }
}
