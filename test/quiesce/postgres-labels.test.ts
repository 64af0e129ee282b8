import assert from "node:assert/strict";
import { test } from "node:test";
import { readLabels } from "../../src/quiesce/labels.ts";

test("lifeboat.postgres asks for a dump, with user and databases of its own if they are named", () => {
  const asked = (labels: Record<string, string>) => readLabels("db", { "lifeboat.postgres": "true", ...labels });
  assert.deepEqual(asked({}).wishes.postgres, {});
  const named = asked({ "lifeboat.postgres.user": "backup", "lifeboat.postgres.databases": "one, two\nthree" });
  assert.deepEqual(named.wishes.postgres, { user: "backup", databases: ["one", "two", "three"] });
  assert.deepEqual(asked({ "lifeboat.postgres.databases": "*" }).wishes.postgres, { databases: "all" });
  const others = asked({ "lifeboat.postgres.databases": "!one !two" });
  assert.deepEqual(others.wishes.postgres, { databases: "all", dismissed: ["one", "two"] });
  const both = asked({ "lifeboat.postgres.databases": "one, !two" });
  assert.deepEqual(both.wishes.postgres, { databases: ["one"], dismissed: ["two"] });
  assert.equal(readLabels("db", { "lifeboat.postgres": "false" }).wishes.postgres, undefined);
});

for (const [labels, problem] of [
  [{ "lifeboat.postgres": "true", "lifeboat.hold": "stop" }, /a server at rest cannot be dumped/],
  [{ "lifeboat.postgres.user": "me" }, /'lifeboat.postgres.user' has no use without 'lifeboat.postgres'/],
  [{ "lifeboat.postgres": "true", "lifeboat.postgres.databases": " " }, /is not filled in/],
  [{ "lifeboat.postgres": "true", "lifeboat.postgres.databases": "app !app" }, /names a database with '!' and without/],
] as const) {
  test(`${JSON.stringify(labels)} is refused`, () => {
    assert.match(readLabels("db", labels).problems.join(), problem);
  });
}
