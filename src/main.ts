#!/usr/bin/env -S node --max-semi-space-size=1
// A young generation of 1 MiB: buffers that have passed through are freed a few at a time. With Node's own 16 MiB they
// pile up until V8 collects its whole heap, 56 times per GiB saved instead of 18 (docs/design/performance.md).

import { lifeboat } from "./cli.ts";
import { Interrupted } from "./errors.ts";

/** First signal: everything under way is ended in order. The engine's own SIGKILL is what a second would be. */
const ending = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.on(name, () => ending.abort(new Interrupted(name)));
}

// A reader that went away (`lifeboat ls … | head`, a terminal that was closed) is not a failure of ours, nor a reason to
// stop in the middle of something.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await lifeboat(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: ending.signal,
});
// A library's idle socket or timer must not keep a finished command alive.
process.exit();
