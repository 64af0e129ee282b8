import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readBlocks } from "./page.ts";
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
});
