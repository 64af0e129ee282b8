import { readFile } from "node:fs/promises";
import { folderSnapshot } from "../../src/sources/folder.ts";
import { survey } from "../../src/sources/survey.ts";

// Surveys as another user, or with little memory: run by survey.test.ts in a process of its own.
const [root = "", lists = "", what] = process.argv.slice(2);
const found = await survey({ root, exclude: [], sqlite: "auto", never: [] }, lists, new AbortController().signal);
const listed = what === "count" ? [] : (await readFile(found.listFile, "latin1")).split("\0").slice(0, -1);
const { outcome, flaws } = folderSnapshot(found).finding;
console.log(JSON.stringify({ totals: found.totals, unreadable: found.unreadable, listed, outcome, flaws }));
