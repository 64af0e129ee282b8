/** A name in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** As SQLite compares names: only the letters of ASCII have two cases. */
export function isSameName(one: string, other: string): boolean {
  return folded(one) === folded(other);
}

export function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
