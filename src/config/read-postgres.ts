import type { Config, PostgresConfig } from "./config.ts";
import { refuseUseless, type Findings } from "./findings.ts";
import type { PostgresUrl } from "./postgres-url.ts";

/** The servers of both settings, those that differ only in the database put together, each with its password. */
export function readPostgres(
  findings: Findings,
  exists: (path: string) => boolean,
): Pick<Config, "postgres" | "postgresPhysical" | "postgresTimeoutMs"> {
  const { values, isGiven, complain } = findings;
  const { BACKUP_POSTGRES: dumped = [], BACKUP_POSTGRES_PHYSICAL: copied = [] } = values;
  const password = values.BACKUP_POSTGRES_PASSWORD;
  const passfile = values.PGPASSFILE;
  refuseUselessPasswords([...dumped, ...copied], findings);
  if (!isGiven("BACKUP_POSTGRES_PHYSICAL")) {
    const because = "without BACKUP_POSTGRES_PHYSICAL: only base backups can be incremental";
    refuseUseless(findings, ["BACKUP_FULL_CRON_EXPRESSION"], because, "both, or neither: every backup is full then");
  }
  const settings = ["BACKUP_POSTGRES", "BACKUP_POSTGRES_PHYSICAL"] as const;
  if (settings.some(isGiven) && passfile !== undefined && !exists(passfile)) {
    complain("PGPASSFILE", `'${passfile}' does not exist`, "libpq's password file, with mode 0600");
  }
  for (const name of settings) {
    for (const { sslRootCert } of values[name] ?? []) {
      if (sslRootCert !== undefined && !exists(sslRootCert))
        complain(name, `has an sslrootcert that does not exist`, "the path of a file with certificates");
    }
  }
  const groups = Object.values(Object.groupBy(dumped, serverOf)).map((group = []) => serverFrom(group, findings));
  const withPassword = (server: PostgresConfig): PostgresConfig => ({
    ...server,
    ...(server.password ? {} : password ? { password } : passfile === undefined ? {} : { passfile }),
  });
  return {
    postgres: named(groups).map(withPassword),
    postgresPhysical: named(wholeServers(copied, findings)).map(withPassword),
    postgresTimeoutMs: values.BACKUP_POSTGRES_TIMEOUT,
  };
}

function refuseUselessPasswords(urls: readonly PostgresUrl[], findings: Findings): void {
  const { isGiven } = findings;
  if (!isGiven("BACKUP_POSTGRES") && !isGiven("BACKUP_POSTGRES_PHYSICAL")) {
    const because = "without BACKUP_POSTGRES or BACKUP_POSTGRES_PHYSICAL";
    refuseUseless(findings, ["BACKUP_POSTGRES_PASSWORD", "PGPASSFILE"], because, "both, or neither");
  } else if (urls.length > 0 && urls.every((url) => url.password)) {
    refuseUseless(
      findings,
      ["BACKUP_POSTGRES_PASSWORD", "PGPASSFILE"],
      "where every URL has a password",
      "one of the two",
    );
  } else if (isGiven("BACKUP_POSTGRES_PASSWORD")) {
    refuseUseless(findings, ["PGPASSFILE"], "beside BACKUP_POSTGRES_PASSWORD", "one of the two");
  }
}

/** A base backup is of everything that a server has, whatever database its URL names. */
function wholeServers(urls: readonly PostgresUrl[], { complain }: Findings): readonly Omit<PostgresConfig, "name">[] {
  const places = urls.map(({ host, port }) => `${host}:${port}`);
  if (new Set(places).size < places.length) {
    complain("BACKUP_POSTGRES_PHYSICAL", "names the same server twice", "each once: all of its databases are copied");
  }
  return urls.map(({ database = "postgres", ...rest }) => ({ ...rest, databases: [database] }));
}

function serverOf(url: PostgresUrl): string {
  return JSON.stringify({ ...url, database: undefined, password: url.password?.reveal() });
}

function serverFrom(urls: readonly PostgresUrl[], { complain }: Findings): Omit<PostgresConfig, "name"> {
  const names = urls.map(({ database }) => database);
  if (new Set(names).size < names.length) {
    complain("BACKUP_POSTGRES", "names the same database of a server twice", "each once");
  } else if (names.includes(undefined) && names.length > 1) {
    complain("BACKUP_POSTGRES", "names all databases of a server, and one of them again", "one of the two");
  }
  const [{ database: _, ...rest }] = urls as readonly [PostgresUrl];
  return { ...rest, databases: names.includes(undefined) ? "all" : names.filter((name) => name !== undefined) };
}

/** Host, and port if it is another than usual; numbered where that is not enough. */
function named(servers: readonly Omit<PostgresConfig, "name">[]): readonly PostgresConfig[] {
  const names = servers.map(({ host, port }) => (port === 5432 ? host : `${host}_${port}`).replaceAll(":", "_"));
  return servers.map((server, at) => {
    const before = names.slice(0, at).filter((name) => name === names[at]).length;
    return { ...server, name: before === 0 ? names[at]! : `${names[at]}-${before + 1}` };
  });
}
