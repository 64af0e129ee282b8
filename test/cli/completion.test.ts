import assert from "node:assert/strict";
import { before, test } from "node:test";
import { execa } from "execa";
import { said } from "./said.ts";

let script: string;
before(async () => {
  script = (await said(["completion", "bash"])).stdout;
});

/** What bash itself offers for the last of the words. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lifeboat; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa("bash", ["-euc", `${script}\n${ask}`, "bash", "lifeboat", ...words]);
  return stdout.split("\n").filter((word) => word !== "");
}

test("bash completes the commands, and their options and arguments", async () => {
  assert.deepEqual(await offered("re"), ["restore", "restore-rows"]);
  assert.deepEqual(await offered("restore", "la"), ["latest"]);
  assert.deepEqual(await offered("restore", "latest", "--st"), ["--stdout"]);
  assert.deepEqual(await offered("forget", "latest", "--"), [
    "--json",
    "--target",
    "--even-newest",
    "--dry-run",
    "--help",
  ]);
  assert.deepEqual(await offered("help", "se"), ["settings"]);
  assert.deepEqual(await offered("completion", ""), ["bash", "--help"]);
});

test("it offers nothing for a value or a word it does not know, so that bash offers files", async () => {
  assert.deepEqual(await offered("restore", "latest", "--to", ""), []);
  assert.deepEqual(await offered("frobnicate", ""), []);
});

test("every command of the help is in it, and hidden ones are not", async () => {
  const { stdout } = await said(["help"]);
  const names = [...stdout.matchAll(/^ {2}([a-z][a-z-]+)[ \n]/gm)].map(([, name = ""]) => name);
  assert.ok(names.length > 15, stdout);
  const commands = await offered("");
  assert.deepEqual(
    commands.filter((word) => !word.startsWith("-")),
    names,
  );
  assert.doesNotMatch(script, /in-place-helper/);
});

test("another shell is refused, with the one there is", async () => {
  const { exitCode, stderr } = await said(["completion", "fish"]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /'fish' is invalid for argument 'shell'. Allowed choices are bash\n/);
});
