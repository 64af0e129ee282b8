import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "../e2e/stack.ts";

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

/** The fenced blocks of a page of the documentation, `path` from the top of the checkout, in order. */
export async function readBlocks(path: string): Promise<readonly Block[]> {
  const lines = (await readFile(join(checkout, path), "utf8")).split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^ *(```+)(.*)$/.exec(lines[at] ?? "");
    if (!fence) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence[1]);
    if (end < 0) throw new Error(`${path}:${at + 1}: this block has no end`);
    const text = `${lines.slice(at + 1, end).join("\n")}\n`;
    blocks.push({ language: (fence[2] ?? "").trim(), text, line: at + 1 });
    at = end;
  }
  return blocks;
}

/** Targets of the links of a page that lead to other files, as written. */
export async function readLinks(path: string): Promise<readonly string[]> {
  const text = (await readFile(join(checkout, path), "utf8")).replace(/^ *```[^]*?^ *```$/gm, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "").filter((link) => !/^\w+:/.test(link));
}
