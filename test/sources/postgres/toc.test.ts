import assert from "node:assert/strict";
import { test } from "node:test";
import { unmetNeeds } from "../../../src/sources/postgres/extensions.ts";
import { commandsToLoad } from "../../../src/sources/postgres/readme-load.ts";
import { isOfEventTrigger, isOfExtension, subscriptionsIn } from "../../../src/sources/postgres/toc.ts";
import type { FoundServer } from "../../../src/sources/postgres/survey.ts";

const entries = [
  "2; 3079 16390 EXTENSION - pg_cron ",
  "9; 3079 16391 EXTENSION - pg_cron_more ",
  "3459; 0 0 COMMENT - EXTENSION pg_cron ",
  "3460; 0 0 ACL - SCHEMA cron postgres",
  "223; 1259 16438 TABLE public cron postgres",
  "3290; 0 16393 TABLE DATA cron job postgres",
  "3291; 0 16394 TABLE DATA crony job postgres",
  "3461; 0 0 SEQUENCE SET cron jobid_seq postgres",
  "3466; 3466 16395 EVENT TRIGGER - for bid postgres",
  "3470; 0 0 COMMENT - EVENT TRIGGER for bid postgres",
  "3471; 1255 1 FUNCTION public EVENT TRIGGER - x() postgres",
  "3472; 6100 1 SUBSCRIPTION - from afar postgres",
];

test("what belongs to event triggers and to an extension is known by a dump's table of contents", () => {
  const ofExtension = entries.filter((entry) => isOfExtension(entry, "pg_cron", "cron"));
  assert.deepEqual(
    ofExtension,
    [0, 2, 3, 5, 7].map((at) => entries[at]),
  );
  assert.deepEqual(entries.filter(isOfEventTrigger), entries.slice(8, 10));
  assert.deepEqual(subscriptionsIn({ dumpedFrom: 17, writtenBy: 17, entries }), ["from afar"]);
});

test("what a server cannot have is told for each extension that is known to need something, if it can be known", () => {
  const extensions = { pg_cron: "1.6", timescaledb: "2.19", citext: "1.6" };
  assert.deepEqual(unmetNeeds("app", extensions, {}), []);
  const settings = { shared_preload_libraries: 'auto_explain, "pg_cron"', "cron.database_name": "postgres" };
  assert.deepEqual(unmetNeeds("app", extensions, settings), [
    "only its database 'postgres' may have extension 'pg_cron', which 'app' has (cron.database_name)",
    `extension 'timescaledb' of 'app' has to be in its shared_preload_libraries, which are 'auto_explain, "pg_cron"'`,
  ]);
  assert.deepEqual(unmetNeeds("postgres", { pg_cron: "1.6" }, settings), []);
});

test("the page in a backup has each command that a dump takes, and no more", () => {
  const found = (programs: "image" | "server", major: number) =>
    ({
      server: { programs },
      facts: { versionNumber: major * 10_000 },
      client: { version: "18.6", major: 18 },
    }) as FoundServer;
  const commands = (one: FoundServer, more: object = {}) =>
    commandsToLoad(one, "a b", { eventTriggers: 0, extensions: { plpgsql: "1.0" }, ...more }).filter(
      (line) => !line.startsWith("#"),
    );
  const plain = ["pg_restore --exit-on-error --dbname='dbname='\\''a b'\\''' 'a b.pgdump'"];
  assert.deepEqual(commands(found("server", 15)), plain);
  assert.deepEqual(commands(found("image", 18)), plain);
  assert.deepEqual(
    commands(found("image", 17), { eventTriggers: 2 }).map((line) => line.split(" ")[0]),
    ["pg_restore", "awk", "pg_restore", "sed"],
  );
  const [load, end] = commands(found("server", 17), { extensions: { timescaledb: "2.19" } });
  assert.match(load!, /^PGOPTIONS='-c timescaledb.restoring=on' pg_restore --exit-on-error /);
  assert.match(end!, /^psql .* --command='SELECT timescaledb_post_restore\(\)'$/);
});
