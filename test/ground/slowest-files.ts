import type { TestEvent } from "node:test/reporters";

/** A reporter for `node --test` that tells at the end which files took longest: those are what makes a run long. */
export default async function* slowestFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const took: { file: string; ms: number }[] = [];
  for await (const { type, data } of events) {
    if (type === "test:summary" && data.file !== undefined) took.push({ file: data.file, ms: data.duration_ms });
  }
  took.sort((a, b) => b.ms - a.ms);
  yield "slowest files:\n";
  for (const { file, ms } of took.slice(0, SHOWN)) {
    yield `${(ms / 1000).toFixed(1).padStart(7)} s  ${file.slice(file.indexOf("/test/") + 1)}\n`;
  }
}

const SHOWN = 25;
