import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { lifeboat } from "../../src/cli.ts";

export interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one command line says and ends with, in this process, where nobody can be asked. */
export async function said(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = [stdout, stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString("utf8");
  });
  const exitCode = await lifeboat(args, { env, stdout, stderr, signal: new AbortController().signal });
  await Promise.all([stdout, stderr].map((stream) => finished(stream.end())));
  return { exitCode, stdout: texts[0]!(), stderr: texts[1]!() };
}
