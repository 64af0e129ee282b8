import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "../../src/sources/names.ts";

test("a printable name is one line, and different names stay different", () => {
  const shown: readonly (readonly [string | Buffer, string])[] = [
    ["plain name.db", "plain name.db"],
    [Buffer.from("Übung 猫.db"), "Übung 猫.db"],
    ["new\nline", "new\\x0aline"],
    ["back\\slash", "back\\\\slash"],
    ["\\x0a", "\\\\x0a"],
    [Buffer.from("right\u202eleft"), "right\\xe2\\x80\\xaeleft"],
    [Buffer.from([0x61, 0xff, 0x5c, 0x0a]), "a\\xff\\\\\\x0a"],
  ];
  for (const [name, text] of shown) assert.equal(printable(name), text);
});
