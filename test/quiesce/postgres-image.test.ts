import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { accountsIn, exportPassword } from "../../src/quiesce/postgres-image.ts";

const postgres = { value: "postgres" };

for (const [what, env, accounts] of [
  ["nothing", {}, [{ user: postgres, passwordIn: undefined }]],
  [
    "the image postgres",
    { POSTGRES_USER: "app", POSTGRES_PASSWORD: "x", POSTGRES_DB: "shop" },
    [{ user: { value: "app" }, passwordIn: "POSTGRES_PASSWORD" }],
  ],
  [
    "the image postgres with secrets",
    { POSTGRES_USER: "", POSTGRES_USER_FILE: "/run/secrets/user", POSTGRES_PASSWORD_FILE: "/run/secrets/password" },
    [{ user: { file: "/run/secrets/user" }, passwordIn: "POSTGRES_PASSWORD" }],
  ],
  [
    "Bitnami's image without a user",
    { POSTGRESQL_PASSWORD: "x", POSTGRESQL_DATABASE: "shop" },
    [{ user: postgres, passwordIn: "POSTGRESQL_PASSWORD" }],
  ],
  [
    "Bitnami's image with a user, and no way in for the superuser",
    { POSTGRESQL_USERNAME: "shop", POSTGRESQL_PASSWORD: "x" },
    [{ user: { value: "shop" }, passwordIn: "POSTGRESQL_PASSWORD" }],
  ],
  [
    "Bitnami's image with a user, and a password of the superuser",
    { POSTGRESQL_USERNAME: "shop", POSTGRESQL_PASSWORD: "x", POSTGRESQL_POSTGRES_PASSWORD_FILE: "/y" },
    [
      { user: postgres, passwordIn: "POSTGRESQL_POSTGRES_PASSWORD" },
      { user: { value: "shop" }, passwordIn: "POSTGRESQL_PASSWORD" },
    ],
  ],
] as const) {
  test(`as whom a server is entered is told by the environment of ${what}`, () => {
    assert.deepEqual(accountsIn(new Map(Object.entries(env))), accounts);
  });
}

test("a password is exported from a variable or its file, unless libpq has been given one", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lb-image-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "secret"), `it's "a" $ecret\n`);
  const script = `set -e; ${exportPassword("SOME_PASSWORD")}\nprintenv PGPASSWORD || echo none`;
  const exported = async (env: Record<string, string>) => (await execa("sh", ["-c", script], { env })).stdout;
  assert.equal(await exported({ SOME_PASSWORD: "p w" }), "p w");
  assert.equal(await exported({ SOME_PASSWORD_FILE: join(folder, "secret") }), `it's "a" $ecret`);
  assert.equal(await exported({ SOME_PASSWORD: "x", PGPASSWORD: "its own" }), "its own");
  assert.equal(await exported({ SOME_PASSWORD: "x", PGPASSFILE: "/etc/pgpass" }), "none");
});
