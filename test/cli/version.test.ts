import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { said } from "./said.ts";

const checkout = fileURLToPath(new URL("../../", import.meta.url));

test("the commit is what the build of the image put beside the program, if it knew one", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lifeboat-version-"));
  t.after(() => rm(folder, { recursive: true }));
  await copyFile(join(checkout, "package.json"), join(folder, "package.json"));
  const commit = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";
  for (const [name, text, found] of [
    ["known", `${commit}\n`, commit],
    ["unknown", "unknown\n", undefined],
  ] as const) {
    await writeFile(join(folder, "revision"), text);
    await mkdir(join(folder, name));
    await copyFile(join(checkout, "src/version.ts"), join(folder, name, "version.ts"));
    const { revision } = (await import(pathToFileURL(join(folder, name, "version.ts")).href)) as { revision?: string };
    assert.equal(revision, found);
  }
  assert.match(await readFile(join(checkout, "Dockerfile"), "utf8"), /"\$REVISION" > \/opt\/lifeboat\/revision/);
});

test("version is one line, or JSON with the same", async () => {
  assert.match((await said(["version"])).stdout, /^lifeboat \S+ \((commit \S+, )?node v\S+\)\n$/);
  const { version, revision, node } = JSON.parse((await said(["version", "--json"])).stdout) as Record<string, unknown>;
  assert.deepEqual([typeof version, revision, node], ["string", null, process.version]);
});
