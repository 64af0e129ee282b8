#!/usr/bin/env node
import { lifeboat } from "./cli.ts";
import { Interrupted } from "./errors.ts";

/** First signal: everything under way is ended in order. The engine's own SIGKILL is what a second would be. */
const ending = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.on(name, () => ending.abort(new Interrupted(name)));
}

// A reader that went away (`lifeboat ls … | head`) is not a failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await lifeboat(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: ending.signal,
});
// A library's idle socket or timer must not keep a finished command alive.
process.exit();
