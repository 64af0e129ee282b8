/**
 * What every psql is started with; its statements come over standard input, as anyone may read arguments. It stops at the
 * first that fails. "terse" leaves out the line of the statement and the detail, which may have a password's hash or a
 * row in them; "verbose" has the SQLSTATE. The context, which may have a row in it as well, is never told.
 */
export function psqlArgs(verbosity: "terse" | "verbose", more: readonly string[]): readonly string[] {
  const settings = ["ON_ERROR_STOP=1", `VERBOSITY=${verbosity}`, "SHOW_CONTEXT=never"].map((one) => `--set=${one}`);
  return ["--no-psqlrc", "--no-password", "--quiet", ...more, ...settings, "--file=-"];
}
