import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { readSettings } from "../../src/config/read.ts";
import { checkout } from "../e2e/stack.ts";
import { readBlocks, readLinks } from "./page.ts";
import { allPages } from "./pages.ts";
import { scenarios } from "./scenarios.ts";
import { walk } from "./walk.ts";

const RUN = ["sh", "yaml"];
const SHOWN = ["env", "text", "json"];

describe("documentation", { concurrency: 2 }, () => {
  for (const scenario of scenarios) {
    it(`${scenario.page} works as it is written`, () => walk(scenario));
  }

  it("every command on every page is run", async () => {
    const walked = new Set(scenarios.map(({ page }) => page));
    for (const page of await allPages()) {
      for (const { language, line } of await readBlocks(page)) {
        assert([...RUN, ...SHOWN].includes(language), `${page}:${line}: nobody knows what to do with '${language}'`);
        assert(SHOWN.includes(language) || walked.has(page), `${page}:${line}: no scenario runs this page`);
      }
    }
  });

  it("every setting that is shown exists and has a value that fits", async () => {
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
});
