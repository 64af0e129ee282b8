import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Waits until `condition` gives something true, and gives that. Fails, saying `what`, after `timeoutMs`. */
export async function until<T>(what: string, condition: () => Promise<T> | T, timeoutMs = 90_000): Promise<T & {}> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (performance.now() > deadline) assert.fail(`waited ${timeoutMs / 1000} s in vain until ${what}`);
    await delay(POLL_MS);
  }
}

const POLL_MS = 25;
