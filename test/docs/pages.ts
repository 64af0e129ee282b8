import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "../e2e/stack.ts";

/** Every page of the documentation, from the top of the checkout. */
export async function allPages(): Promise<readonly string[]> {
  const below = await readdir(join(checkout, "docs"), { recursive: true });
  const pages = below.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
  return ["README.md", "CHANGELOG.md", ...pages.sort()];
}
