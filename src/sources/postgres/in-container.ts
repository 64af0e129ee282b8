import { text } from "node:stream/consumers";
import { LifeboatError } from "../../errors.ts";
import type { ServerContainer } from "../server-container.ts";
import { explained, PostgresError } from "./failure.ts";
import type { PostgresServer } from "./server.ts";

/**
 * A server whose own programs are run inside its container, over the local socket: they always have the right version,
 * and the socket lets the user in without a password.
 */
export function serverInContainer(found: ServerContainer): PostgresServer {
  const { name, container, user, databases, dismissed, atRest } = found;
  const server: PostgresServer = {
    ...{ name, container, user, databases, dismissed },
    ...(atRest === undefined ? {} : { atRest }),
    programs: "server",
    entrance: databases === "all" ? "postgres" : (databases[0] ?? "postgres"),
    start({ program, args, database, input, options }, signal) {
      requireRunning(server);
      const session = options === undefined ? {} : { PGOPTIONS: options };
      const env = { PGUSER: user, PGDATABASE: database, PGAPPNAME: "lifeboat", LC_ALL: "C", ...session };
      return found.start({ argv: [program, ...args], env, ...(input ? { input } : {}) }, signal);
    },
    async ask(database, sql, signal) {
      const args = ["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", `--command=${sql}`];
      const psql = server.start({ program: "psql", args, database }, signal);
      try {
        const answer = await text(psql.stdout);
        await psql.done;
        return JSON.parse(answer) as unknown;
      } catch (error) {
        signal.throwIfAborted();
        await psql.done.catch((failure: unknown) => {
          if (failure instanceof LifeboatError) throw explained(failure, `ask database '${database}'`, server);
        });
        throw error instanceof PostgresError ? error : explained(error, `ask database '${database}'`, server);
      }
    },
  };
  return server;
}

/** Throws for a server in a container that does not run. */
export function requireRunning({ name, container, atRest }: PostgresServer): void {
  if (atRest === undefined) return;
  throw new PostgresError(`PostgreSQL server '${name}' cannot be asked: its container '${container}' is ${atRest}`, {
    hint: "Start it (docker compose up -d), or leave its databases out: name with --only what shall be restored.",
  });
}
