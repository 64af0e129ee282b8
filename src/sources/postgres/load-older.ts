import { Readable } from "node:stream";
import { startChild } from "../../system/children.ts";
import type { Load } from "./load.ts";
import type { PostgresServer } from "./server.ts";

/** The first major that knows every setting that pg_restore of this image begins with. */
export const FIRST_WITH_ALL_SETTINGS = 17;

/**
 * Loads a dump with this image's pg_restore into a server of an older major: pg_restore itself would begin by setting
 * what that does not know, and stop. Here it prints, and psql runs what it prints. Resolves once both have ended well;
 * rejects with the ChildError of the one that did not.
 */
export async function loadIntoOlder(
  server: PostgresServer,
  { database, path, args = [], onProgress }: Load,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const printing = startChild(
    { program: "pg_restore", args: ["--file=-", ...args, path] },
    { signal: AbortSignal.any([signal, stop.signal]) },
  );
  printing.stdin.end();
  const sql = withoutNewSettings(printing.stdout as AsyncIterable<Buffer>, onProgress);
  const settings = ["ON_ERROR_STOP=1", "VERBOSITY=terse", "SHOW_CONTEXT=never"].map((one) => `--set=${one}`);
  const psqlArgs = ["--no-psqlrc", "--no-password", "--quiet", "--output=/dev/null", ...settings, "--file=-"];
  const input = Readable.from(sql, { objectMode: false });
  input.on("error", () => {
    // pg_restore was stopped, or failed: its own end tells.
  });
  const psql = server.start({ program: "psql", args: psqlArgs, database, input }, signal);
  psql.stdout.resume();
  try {
    await psql.done;
  } catch (error) {
    stop.abort(error);
    await printing.done.catch(() => {}); // Stopped for the reason that is thrown.
    throw error;
  }
  // A dump that was cut ends like a whole one for psql.
  await printing.done;
}

/** What follows the settings at the top of what pg_restore prints. */
const END_OF_SETTINGS = "SELECT pg_catalog.set_config(";

async function* withoutNewSettings(
  chunks: AsyncIterable<Buffer>,
  onProgress: Load["onProgress"],
): AsyncGenerator<Buffer, void> {
  let top: Buffer | undefined = Buffer.alloc(0);
  let bytes = 0;
  for await (const chunk of chunks) {
    onProgress?.((bytes += chunk.length));
    if (top === undefined) {
      yield chunk;
      continue;
    }
    top = Buffer.concat([top, chunk]);
    if (!top.includes(END_OF_SETTINGS)) continue;
    yield withoutLine(top);
    top = undefined;
  }
  if (top !== undefined) yield withoutLine(top);
}

function withoutLine(top: Buffer): Buffer {
  return Buffer.from(top.toString("latin1").replace(/^SET transaction_timeout = 0;\n/m, ""), "latin1");
}
