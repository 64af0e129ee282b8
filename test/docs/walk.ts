import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { checkout, makeStack, withEngineSocket, type Stack } from "../e2e/stack.ts";
import { readBlocks, type Block } from "./page.ts";
import { startReader } from "./reader.ts";

/** How a page is followed from top to bottom, as its reader would. */
export interface Scenario {
  readonly page: string;
  /** What lies in the reader's folder at the beginning: name there, path from the top of the checkout. */
  readonly files: Readonly<Record<string, string>>;
  /** What the page takes for granted. */
  readonly before?: (stack: Stack) => Promise<AsyncDisposable | void>;
  /** What a reader does by hand after reading a block: write down a secret, tell another machine a key. */
  readonly byHand?: (stack: Stack, block: Block) => Promise<void>;
  /** What must be so in the end; `outputs` are those of the sh blocks, in order. */
  readonly after: (stack: Stack, outputs: readonly string[]) => Promise<void>;
}

/** Runs the commands of the page in one shell, and merges its compose texts, in the order in which they are there. */
export async function walk({ page, files, before, byHand, after }: Scenario): Promise<void> {
  await using stack = await makeStack(files);
  const notes = join(stack.folder, ".notes");
  await mkdir(notes);
  const path = `${await shimOfNpm(notes)}${delimiter}${process.env["PATH"]}`;
  await using _machine = (await before?.(stack)) ?? undefined;
  using reader = startReader(stack.folder, notes, { ...process.env, PATH: path });
  const outputs: string[] = [];
  for (const block of await readBlocks(page)) {
    if (block.language === "yaml") await stack.addComposeFile(withEngineSocket(block.text));
    if (block.language === "sh") {
      const { exitCode, stdout, stderr } = await reader.follow(block.text, stack.environment());
      const logs = exitCode === 0 ? "" : (await stack.attempt("docker compose logs --tail 40")).stdout;
      assert.equal(exitCode, 0, `${page}:${block.line} failed:\n${block.text}\n${stdout}\n${stderr}\n${logs}`);
      outputs.push(stdout);
    }
    await byHand?.(stack, block);
  }
  await after(stack, outputs);
}

/** What pages run in a checkout is run in this one; the image and all tests are what `npm test` is doing anyway. */
async function shimOfNpm(folder: string): Promise<string> {
  const script = `#!/bin/sh
case "$*" in
  "run demo") cd '${checkout}' && TMPDIR='${folder}' exec sh test/ground/demo.sh ;;
  "run image") exec docker image inspect --format '{{.Id}}' lifeboat:dev ;;
  test) exit 0 ;;
esac
echo "no page was expected to say: npm $*" >&2
exit 1
`;
  await writeFile(join(folder, "npm"), script, { mode: 0o755 });
  return folder;
}
