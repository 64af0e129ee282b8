import { NAME, nameOf, statementsIn } from "./statements.ts";

/** The names of all roles in the SQL of `pg_dumpall --globals-only`. */
export function rolesOf(globals: string): readonly string[] {
  return statementsIn(globals).flatMap((statement) => {
    const [, written] = /^CREATE ROLE (.+);$/s.exec(statement) ?? [];
    return written === undefined ? [] : [nameOf(written)];
  });
}

/**
 * Of the SQL of `pg_dumpall --globals-only` what makes `roles`: themselves with their attributes and settings, and
 * their memberships, in their order. Roles that are there already are not touched; nor are tablespaces.
 * Memberships are granted by whoever runs this, as the grantor of then may lack the right.
 */
export function sqlForRoles(globals: string, roles: readonly string[]): string {
  const wanted = new Set(roles);
  return statementsIn(globals)
    .flatMap((statement) => {
      const [, one] = ABOUT_ROLE.exec(statement) ?? [];
      // What a role has set for one database comes with the dump of that.
      if (one !== undefined) return wanted.has(nameOf(one)) && !IN_DATABASE.test(statement) ? [statement] : [];
      const [, group, member] = MEMBERSHIP.exec(statement) ?? [];
      if (group === undefined || member === undefined) return [];
      const isWanted = wanted.has(nameOf(group)) || wanted.has(nameOf(member));
      return isWanted ? [statement.replace(GRANTOR, ";")] : [];
    })
    .join("\n");
}

const ABOUT_ROLE = new RegExp(`^(?:CREATE ROLE|ALTER ROLE|COMMENT ON ROLE) (${NAME})(?=[ ;])`);
const IN_DATABASE = new RegExp(`^ALTER ROLE ${NAME} IN DATABASE `);
const MEMBERSHIP = new RegExp(`^GRANT (${NAME}) TO (${NAME})(?=[ ;])`);
const GRANTOR = new RegExp(` GRANTED BY ${NAME};$`);
