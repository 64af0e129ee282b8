import { text } from "node:stream/consumers";
import { LifeboatError } from "../../errors.ts";
import type { ServerContainer } from "../server-container.ts";
import { explained, PostgresError } from "./failure.ts";
import type { PostgresServer } from "./server.ts";

/**
 * A server whose own programs are run inside its container, over the local socket: they always have the right version,
 * and the socket lets the user in without a password.
 */
export function serverInContainer({ name, container, user, databases, start }: ServerContainer): PostgresServer {
  const server: PostgresServer = {
    name,
    container,
    user,
    databases,
    programs: "server",
    entrance: databases === "all" ? "postgres" : (databases[0] ?? "postgres"),
    start({ program, args, database, input, options }, signal) {
      const session = options === undefined ? {} : { PGOPTIONS: options };
      const env = { PGUSER: user, PGDATABASE: database, PGAPPNAME: "lifeboat", LC_ALL: "C", ...session };
      return start({ argv: [program, ...args], env, ...(input ? { input } : {}) }, signal);
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
