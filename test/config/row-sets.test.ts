import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { settingsHelp, settingsPage } from "../../src/config/reference.ts";
import { showSettings } from "../../src/config/show.ts";
import { fine, problemOf, read, worldWith } from "./world.ts";

suite("sets of rows", () => {
  test("a set names tables and columns, in the environment or in a file", () => {
    const env = {
      ...fine,
      RESTORE_ROWS_ACCOUNT: "nick_table:nick, account_table : name",
      RESTORE_ROWS_CHANNEL_2_FILE: "/run/set",
    };
    const { config, warnings } = read(env, worldWith({ "/run/set": "chan_table:chan\n" }));
    assert.deepEqual(
      [...config.rowSets],
      [
        [
          "ACCOUNT",
          [
            { table: "nick_table", column: "nick" },
            { table: "account_table", column: "name" },
          ],
        ],
        ["CHANNEL_2", [{ table: "chan_table", column: "chan" }]],
      ],
    );
    assert.deepEqual(warnings, []);
  });

  test("what is not table:column, a name nobody could say, and a set given twice are all told", () => {
    const problems = problemOf({
      ...fine,
      RESTORE_ROWS_A: "nick_table",
      RESTORE_ROWS_B: "a:b:c,",
      RESTORE_ROWS_c: "a:b",
      RESTORE_ROWS_D: "a:b",
      RESTORE_ROWS_D_FILE: "/no/such",
    });
    assert.match(problems, /^RESTORE_ROWS_A: 'nick_table' is not table:column → table:column,table:column$/m);
    assert.match(problems, /^RESTORE_ROWS_B: 'a:b:c' is not table:column/m);
    assert.match(problems, /^RESTORE_ROWS_c: is no name for a set of rows/m);
    assert.match(problems, /^RESTORE_ROWS_D_FILE: 'D' is given twice/m);
  });

  test("sets are on the reference page, in `help settings` and in the config command", () => {
    assert.match(settingsPage(), /\| `RESTORE_ROWS_<NAME>` \|/);
    assert.match(settingsHelp(), /^ {2}RESTORE_ROWS_<NAME>$/m);
    assert.match(showSettings(read({ ...fine, RESTORE_ROWS_X: "a : b" })), /^RESTORE_ROWS_X +a:b +\(set\)$/m);
  });
});
