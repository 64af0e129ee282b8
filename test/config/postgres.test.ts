import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { showSettings } from "../../src/config/show.ts";
import { fine, problemOf, problemsOf, read, worldWith } from "./world.ts";

const servers = (urls: string, more: Record<string, string> = {}, world = worldWith({ "/run/pgpass": "" })) =>
  read({ ...fine, BACKUP_POSTGRES: urls, ...more }, world).config.postgres;

suite("BACKUP_POSTGRES", () => {
  test("takes one URL or several, with the usual port and any sslmode of libpq's", () => {
    assert.deepEqual(servers("postgres://me@db/app"), [
      { name: "db", host: "db", port: 5432, user: "me", databases: ["app"], sslMode: "prefer" },
    ]);
    const [one, two] = servers("postgres://me@db:5433/app?sslmode=verify-full\n\tpostgresql://me@[::1]/b%2Fc");
    assert.deepEqual([one?.name, one?.port, one?.sslMode], ["db_5433", 5433, "verify-full"]);
    assert.deepEqual([two?.host, two?.databases, two?.name], ["::1", ["b/c"], "__1"]);
  });

  test("means all databases without one, or with a star", () => {
    for (const end of ["", "/", "/*"]) assert.equal(servers(`postgres://me@db${end}`)[0]?.databases, "all");
  });

  test("puts databases of one server together, and numbers servers that only their users tell apart", () => {
    const found = servers("postgres://me@db/one postgres://me@db/two postgres://you@db/three");
    assert.deepEqual(
      found.map(({ name, user, databases }) => [name, user, databases]),
      [
        ["db", "me", ["one", "two"]],
        ["db-2", "you", ["three"]],
      ],
    );
  });

  test("takes the password from the URL, else from BACKUP_POSTGRES_PASSWORD, else leaves it to PGPASSFILE", () => {
    const urls = "postgres://me:in%40url@db/app postgres://you@db/app";
    const given = servers(urls, { BACKUP_POSTGRES_PASSWORD: "for all" });
    assert.deepEqual(
      given.map(({ password }) => password?.reveal()),
      ["in@url", "for all"],
    );
    const filed = servers(urls, { PGPASSFILE: "/run/pgpass" });
    assert.deepEqual(
      filed.map(({ password, passfile }) => [password?.reveal(), passfile]),
      [
        ["in@url", undefined],
        [undefined, "/run/pgpass"],
      ],
    );
  });

  for (const [url, why] of [
    ["db/app", /is not the URL of a PostgreSQL server/],
    ["mysql://me@db/app", /is not the URL of a PostgreSQL server/],
    ["postgres://db/app", /names no user/],
    ["postgres://me:can@ary@db/app", /something out of place/],
    ["postgres://me:can/ary@db/app", /something out of place/],
    ["postgres://me@db:99999/app", /port that does not exist/],
    ["postgres://me@db/app?options=-c", /has the option 'options'/],
    ["postgres://me@db/app?sslmode=allow", /has the sslmode 'allow'/],
    ["postgres://me@db/app?sslmode=verify-ca", /no sslrootcert/],
    ["postgres://me@db/app?sslrootcert=/ca.crt", /has an sslrootcert, which sslmode=prefer does not use/],
    ["postgres://me@db/app?sslmode=disable&sslrootcert=/ca.crt", /which sslmode=disable does not use/],
    ["postgres://me@db/app?sslmode=verify-full&sslrootcert=/no/ca", /sslrootcert that does not exist/],
    ["postgres://me@db/a postgres://me@db/a", /same database of a server twice/],
    ["postgres://me@db/* postgres://me@db/a", /all databases of a server, and one of them again/],
    ["postgres://me@db/%zz", /'%' that is no escape/],
  ] as const) {
    test(`'${url}' is refused`, () => {
      const world = worldWith({ "/run/pgpass": "" });
      assert.match(problemOf({ BACKUP_POSTGRES: url, PGPASSFILE: "/run/pgpass" }, world), why);
    });
  }

  test("tells no password, neither when it is refused nor when it is shown", () => {
    for (const url of [
      "postgres://me:canary-1@x@db/app",
      "postgres:/me:canary-2@db",
      "me:canary-3@db",
      "pg://a:canary-4@b",
    ]) {
      assert.doesNotMatch(JSON.stringify(problemsOf({ BACKUP_POSTGRES: url })), /canary/, url);
    }
    const shown = showSettings(read({ ...fine, BACKUP_POSTGRES: "postgres://me:canary-5@db/app" }));
    assert.match(shown, /BACKUP_POSTGRES +postgres:\/\/\*\*\*@db\/app/);
  });

  test("settings that do nothing beside it are refused", () => {
    assert.match(problemOf({ BACKUP_POSTGRES_PASSWORD: "secret" }), /does nothing without BACKUP_POSTGRES/);
    const full = "postgres://me:secret@db/app";
    assert.match(problemOf({ BACKUP_POSTGRES: full, BACKUP_POSTGRES_PASSWORD: "x" }), /every URL has a password/);
    assert.match(problemOf({ BACKUP_POSTGRES: "postgres://me@db/app", PGPASSFILE: "/no/where" }), /does not exist/);
  });
});

suite("BACKUP_POSTGRES_PHYSICAL", () => {
  const copied = (urls: string, more: Record<string, string> = {}) =>
    read({ ...fine, BACKUP_POSTGRES_PHYSICAL: urls, ...more }).config.postgresPhysical;

  test("takes servers, of which it asks the database that is named, and its password from where dumps have it", () => {
    const found = copied("postgres://me@one postgres://me:own@two:5433/app", { BACKUP_POSTGRES_PASSWORD: "for all" });
    assert.deepEqual(
      found.map(({ name, databases, password }) => [name, databases, password?.reveal()]),
      [
        ["one", ["postgres"], "for all"],
        ["two_5433", ["app"], "own"],
      ],
    );
  });

  test("refuses the same server twice, as every database of it is copied", () => {
    const url = "postgres://me@db/one postgres://you@db/two";
    assert.match(problemOf({ BACKUP_POSTGRES_PHYSICAL: url }), /names the same server twice/);
  });

  test("shares the password with BACKUP_POSTGRES, and needs none where every URL of both has one", () => {
    const both = { BACKUP_POSTGRES: "postgres://me:a@db", BACKUP_POSTGRES_PHYSICAL: "postgres://me@db" };
    assert.equal(read({ ...fine, ...both, BACKUP_POSTGRES_PASSWORD: "x" }).config.postgresPhysical.length, 1);
    const own = { BACKUP_POSTGRES_PHYSICAL: "postgres://me:a@db", BACKUP_POSTGRES_PASSWORD: "x" };
    assert.match(problemOf(own), /every URL has a password/);
  });
});

suite("BACKUP_FULL_CRON_EXPRESSION", () => {
  const physical = { BACKUP_POSTGRES_PHYSICAL: "postgres://me@db" };

  test("is a cron expression like the other one, and unset every backup is full", () => {
    const schedule = (more: Record<string, string>) => read({ ...fine, ...physical, ...more }).config.schedule;
    assert.equal(schedule({ BACKUP_FULL_CRON_EXPRESSION: "@weekly" }).fullCronExpression, "0 0 * * 0");
    assert.equal(schedule({}).fullCronExpression, undefined);
    assert.match(problemOf({ ...physical, BACKUP_FULL_CRON_EXPRESSION: "0 2 30 2 *" }), /never fires/);
  });

  test("is refused where it would do nothing, as only base backups are incremental", () => {
    const problem = problemOf({ BACKUP_FULL_CRON_EXPRESSION: "@weekly" });
    assert.match(problem, /does nothing without BACKUP_POSTGRES_PHYSICAL: only base backups can be incremental/);
  });
});
