import { describeError, hintOf } from "../../../src/errors.ts";
import { serverByUrl, type PostgresAddress } from "../../../src/sources/postgres/by-url.ts";
import { explained } from "../../../src/sources/postgres/failure.ts";
import { Secret } from "../../../src/system/secret.ts";

/** Lets `pg` and `pg_dump` connect to each address, and prints how that went: "in TLS", "in clear", or the error. */
const addresses = JSON.parse(process.argv[2] ?? "[]") as readonly (Omit<PostgresAddress, "password"> & {
  readonly secret: string;
})[];
const signal = new AbortController().signal;

async function outcomeOf(attempt: () => Promise<string>): Promise<string> {
  try {
    return await attempt();
  } catch (error) {
    return `${describeError(error)} | ${hintOf(error)}`;
  }
}

const IN_TLS =
  "SELECT CASE WHEN ssl THEN '\"in TLS\"' ELSE '\"in clear\"' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

const outcomes = addresses.map(async ({ secret, ...address }) => {
  const server = serverByUrl({ ...address, password: new Secret(secret) });
  const pg = outcomeOf(async () => String(await server.ask("app", `SELECT (${IN_TLS})::json`, signal)));
  const pgDump = outcomeOf(async () => {
    const dump = server.start({ program: "pg_dump", args: ["--schema-only"], database: "app" }, signal);
    dump.stdout.resume();
    await dump.done.catch((error: unknown) => {
      throw explained(error, "dump database 'app'", server);
    });
    return "dumped";
  });
  return { pg: await pg, pgDump: await pgDump };
});
console.log(JSON.stringify(await Promise.all(outcomes)));
