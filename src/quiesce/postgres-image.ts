/** As whom a server in a container can be entered, as the environment of its image tells. */
export interface Account {
  readonly user: Told;
  /** The variable that has the password; the same with `_FILE` may name a file that has it. Undefined: none is known. */
  readonly passwordIn: string | undefined;
}

/** By a variable, or in a file in the container that a variable names. */
export type Told = { readonly value: string } | { readonly file: string };

/** Of the image `postgres` and those made from it, and Bitnami's, which knows the first ones too. */
const USERS = ["POSTGRES_USER", "POSTGRES_USERNAME", "POSTGRESQL_USERNAME"];
const PASSWORDS = ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"];
/** Bitnami's, of the superuser, where the other one is of a user who is none. */
const SUPERUSER_PASSWORDS = ["POSTGRES_POSTGRES_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD"];

/** Those that the environment names, best first; at least one. */
export function accountsIn(env: ReadonlyMap<string, string>): readonly [Account, ...Account[]] {
  const isTold = (name: string) => tellingOf(env, name) !== undefined;
  const user = USERS.map((name) => tellingOf(env, name)).find((told) => told !== undefined);
  const named: Account = { user: user ?? SUPERUSER, passwordIn: PASSWORDS.find(isTold) };
  const passwordIn = SUPERUSER_PASSWORDS.find(isTold);
  return passwordIn === undefined ? [named] : [{ user: SUPERUSER, passwordIn }, named];
}

const SUPERUSER: Told = { value: "postgres" };

function tellingOf(env: ReadonlyMap<string, string>, name: string): Told | undefined {
  const value = env.get(name);
  const file = env.get(`${name}_FILE`);
  if (value) return { value };
  return file ? { file } : undefined;
}

/**
 * A script that finds out the password of an account and exports it for libpq, for servers that ask for one over their
 * socket too. It is run in the container, which the password never leaves. Whoever has given libpq one keeps that.
 */
export function exportPassword(passwordIn: string): string {
  const password = `"\${${passwordIn}:-$(cat "\${${passwordIn}_FILE}")}"`;
  return `[ -n "\${PGPASSWORD+x}\${PGPASSFILE+x}" ] || export PGPASSWORD=${password}`;
}
