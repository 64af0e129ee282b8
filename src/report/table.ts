import Table from "cli-table3";
import { stripVTControlCharacters, styleText } from "node:util";
import { printable } from "./printable.ts";

/** How text for people is to look. */
export interface Look {
  /** False without a terminal, and under NO_COLOR. */
  readonly color: boolean;
  readonly timeZone: string;
}

export interface Column {
  readonly title: string;
  /** Numbers and sizes stand at the right. */
  readonly align?: "left" | "right";
}

/** Columns under their titles, two blanks apart, without lines around them or blanks at the end. */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], look: Look): string {
  const nothing = "";
  const sides = ["top", "bottom", "left", "right"] as const;
  const corners = ["top-mid", "top-left", "top-right", "bottom-mid", "bottom-left", "bottom-right"] as const;
  const inner = ["left-mid", "mid", "mid-mid", "right-mid"] as const;
  const noLines = Object.fromEntries([...sides, ...corners, ...inner].map((name) => [name, nothing]));
  const table = new Table({
    chars: { ...noLines, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colAligns: columns.map(({ align }) => align ?? "left"),
  });
  table.push(columns.map(({ title }) => (look.color ? styleText("bold", title, { validateStream: false }) : title)));
  for (const row of rows) table.push(row.map((cell) => printable(cell)));
  const lines = table.toString().split("\n");
  return lines.map((line) => (stripVTControlCharacters(line) === line ? line.trimEnd() : line)).join("\n");
}

/** Words in colour where colour is wanted. */
export function tinted(text: string, tint: "green" | "yellow" | "red" | "dim", look: Look): string {
  return look.color ? styleText(tint, text, { validateStream: false }) : text;
}
