import { PassThrough } from "node:stream";
import { lifeboat } from "../../src/cli.ts";
import { until } from "../until.ts";

/** What one command line says on a terminal, and ends with, where `act` is done once it asks `question`. */
export async function asked(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  question: string,
  act: (terminal: PassThrough, ending: AbortController) => void,
): Promise<{ readonly exitCode: number; readonly text: string }> {
  const terminal = () => Object.assign(new PassThrough(), { isTTY: true });
  const [stdin, stdout, stderr] = [terminal(), terminal(), terminal()];
  const ending = new AbortController();
  let text = "";
  for (const stream of [stdout, stderr]) stream.on("data", (bytes) => (text += String(bytes)));
  const ended = lifeboat(args, { env, stdin, stdout, stderr, signal: ending.signal });
  await until("it asks", () => text.includes(`${question} [y/N]`));
  act(stdin, ending);
  return { exitCode: await ended, text };
}
