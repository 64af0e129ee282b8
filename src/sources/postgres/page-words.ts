/** A word as a shell reads it. */
export function quoted(text: string): string {
  return /^[A-Za-z0-9_.,:@%+/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A name that may hold line breaks, for a page of text. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
