import assert from "node:assert/strict";
import { access, glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { readSettings } from "../../src/config/read.ts";
import { settingNames } from "../../src/config/settings.ts";
import { checkout } from "../e2e/stack.ts";
import { readBlocks, readLinks } from "./page.ts";
import { allPages } from "./pages.ts";

const read = (path: string) => readFile(join(checkout, path), "utf8");

describe("what the documentation says", () => {
  it("every setting in an env block exists and has a value that fits", async () => {
    for (const page of await allPages()) {
      for (const { language, text, line } of await readBlocks(page)) {
        if (language !== "env") continue;
        const lines = text.split("\n").filter((one) => /^\w+=/.test(one));
        const env = Object.fromEntries(lines.map((one) => one.split(/=(.*)/s).slice(0, 2) as [string, string]));
        const world = { readFile: () => "", exists: () => true, hostName: "host" };
        assert.doesNotThrow(() => readSettings(env, world, "health"), `${page}:${line}`);
      }
    }
  });

  it("every link leads somewhere", async () => {
    for (const page of await allPages()) {
      for (const link of await readLinks(page)) {
        const path = join(checkout, dirname(page), link.replace(/#.*$/, ""));
        await assert.doesNotReject(access(path), `${page} links to '${link}'`);
      }
    }
  });

  it("every page that the program or the examples point to is there", async () => {
    const pointing = ["src/**/*.ts", "docker-compose.example.yml", "docs/examples/*"];
    for await (const file of glob(pointing, { cwd: checkout })) {
      for (const [page] of (await read(file)).matchAll(/docs\/[\w/-]+\.md/g)) {
        await assert.doesNotReject(access(join(checkout, page)), `${file} points to '${page}'`);
      }
    }
  });

  it("every package has a line of reason", async () => {
    const { dependencies } = JSON.parse(await read("package.json")) as { dependencies: Record<string, string> };
    const decisions = await read("docs/design/decisions.md");
    const reasons = [...decisions.matchAll(/^\| ([\w-]+(?:, [\w-]+)*) \|/gm)].flatMap((match) => match[1]?.split(", "));
    for (const name of Object.keys(dependencies)) assert(reasons.includes(name), `'${name}' has none`);
  });

  it("settings that are called the same as in docker-volume-backup exist", async () => {
    const page = await read("docs/how-to/migrate-from-docker-volume-backup.md");
    const rows = [...page.matchAll(/^\| (.*) \| the same\b/gm)].map((match) => match[1] ?? "");
    const names = rows.flatMap((row) => [...row.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map((match) => match[1] ?? ""));
    assert(names.length > 10);
    for (const name of names) assert((settingNames as readonly string[]).includes(name), name);
  });
});
