import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import { readSettings } from "../../src/config/read.ts";
import { SettingsError } from "../../src/config/problems.ts";
import { fine, problemOf, problemsOf, read, worldWith } from "./world.ts";

suite("settings", () => {
  test("with nothing but a passphrase and two folders, every setting has its documented default", () => {
    const { config, warnings } = read({ ...fine });
    const { encryption, ...rest } = config;
    assert.equal(encryption.kind, "passphrase");
    assert.deepEqual(rest, {
      name: "box",
      sources: "/backup",
      exclude: ["*.pid", "*.sock", "*.socket"],
      sqlite: "auto",
      sqliteTimeoutMs: 300_000,
      postgres: [],
      postgresPhysical: [],
      postgresTimeoutMs: 3_600_000,
      state: "/var/lib/lifeboat",
      compression: { kind: "zst", level: 3 },
      privateKeys: [],
      signers: [],
      targets: [{ kind: "local", folder: "/archive" }],
      schedule: { cronExpression: "0 2 * * *", timeZone: "UTC", onStart: false, jitterMs: 0 },
      docker: { project: "own-project" },
      lockTimeoutMs: 3_600_000,
      log: { level: "info", format: "text" },
      rowSets: new Map(),
      color: true,
    });
    assert.deepEqual(warnings, []);
  });

  test("all problems are told at once, a line each: variable, what was given, what would be right", () => {
    const env = { BACKUP_JITTER: "5", BACKUP_ON_START: "maybe", TZ: "Europe/Berln", BACKUP_NAEM: "x" };
    const failure = failureOf(env);
    assert.equal(failure.kind, "settings");
    assert.equal(failure.exitCode, 2);
    assert.deepEqual(failure.problems.map(({ name }) => name).sort(), Object.keys(env).sort());
    const lines = failure.message.split("\n");
    assert.equal(lines[0], "4 problems with the settings:");
    assert.equal(lines.length, 5);
    assert.ok(lines.includes(`  BACKUP_JITTER="5": has no unit; right would be: 5s for seconds or 5m for minutes`));
    assert.ok(lines.includes(`  TZ="Europe/Berln": is no time zone; right would be: 'Europe/Berlin'`));
    assert.ok(
      lines.includes(`  BACKUP_NAEM: is not known to this version; right would be: BACKUP_NAME, if that was meant`),
    );
  });

  test("an empty variable is an unset one", () => {
    assert.deepEqual(problemsOf({ BACKUP_NAME: "", BACKUP_CRON_EXPRESSION: "", TZ: " ", BACKUP_FOO: "" }), []);
  });

  test("a secret is in no message, no warning and no printed form of the settings", () => {
    const secrets = {
      GPG_PASSPHRASE: "canary-1-passphrase",
      AWS_SECRET_ACCESS_KEY: "canary-2-secret",
      RSYNC_SSH_KEY: "canary-3-key",
      GPG_PRIVATE_KEY: "canary-4-key",
      RCLONE_DESTINATION: ":s3,secret_access_key=canary-5-option:bucket",
      DOCKER_HOST: "tcp://user:canary-6-password@host",
      RCLONE_CONFIG_NAS_PASS: "canary-7-pass",
    };
    const failure = failureOf({ ...secrets, GPG_PUBLIC_KEY_RING: "no key" });
    assert.ok(failure.problems.length >= 5);
    assert.doesNotMatch(`${failure.message} ${inspect(failure, { depth: 9 })}`, /canary/);
    const good = read({
      ...fine,
      GPG_PASSPHRASE: "'canary-8'",
      RCLONE_DESTINATION: "nas:x",
      RCLONE_CONFIG_NAS_PASS: "canary-9",
    });
    assert.doesNotMatch(
      `${inspect(good.config, { depth: 9 })} ${JSON.stringify(good.config)} ${good.warnings.join()}`,
      /canary/,
    );
  });

  test("text, JSON and colour are as asked for", () => {
    const { config } = read({ ...fine, LOG_LEVEL: "DEBUG", LOG_FORMAT: "json", NO_COLOR: "1" });
    assert.deepEqual([config.log, config.color], [{ level: "debug", format: "json" }, false]);
    assert.match(problemOf({ LOG_LEVEL: "loud" }), /LOG_LEVEL: is not one of the choices → debug, info, warn or error/);
  });

  test("a value in quotes is told, because the quotes become part of it", () => {
    const { warnings } = read({ GPG_PASSPHRASE: `"correct horse battery"` });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^GPG_PASSPHRASE begins and ends with a quote/);
    assert.match(read({ GPG_PASSPHRASE: "correct horse battery " }).warnings[0] ?? "", /blank/);
  });

  test("the name is the compose project's, else the host's, and never a container's id", () => {
    assert.equal(read({ ...fine }, worldWith({}, { composeProject: "irc" })).config.name, "irc");
    assert.equal(
      read({ ...fine, BACKUP_NAME: "x.y-z_1" }, worldWith({}, { composeProject: "irc" })).config.name,
      "x.y-z_1",
    );
    const inContainer = worldWith({}, { hostName: "0123456789ab" });
    assert.match(
      problemOf({}, inContainer),
      /BACKUP_NAME: is not set, and the host name '0123456789ab' is a container's id/,
    );
    assert.deepEqual(problemsOf({}, inContainer, "health"), []);
    assert.match(problemOf({ BACKUP_NAME: "a/b" }), /is no name for a backup/);
    assert.match(problemOf({ BACKUP_NAME: "-rf" }), /is no name for a backup/);
  });

  test("what does nothing is an error: a level without compression", () => {
    assert.match(
      problemOf({ BACKUP_COMPRESSION: "none", BACKUP_COMPRESSION_LEVEL: "3" }),
      /does nothing with BACKUP_COMPRESSION=none/,
    );
  });

  test("a restore checks databases also where none are looked for, so that BACKUP_SQLITE=off leaves the timeout its use", () => {
    const { config } = read({ ...fine, BACKUP_SQLITE: "off", BACKUP_SQLITE_TIMEOUT: "20m" });
    assert.equal(config.sqliteTimeoutMs, 1_200_000);
  });

  test("the level must suit the compression", () => {
    assert.deepEqual(read({ ...fine, BACKUP_COMPRESSION: "gz" }).config.compression, { kind: "gz", level: 6 });
    assert.deepEqual(read({ ...fine, BACKUP_COMPRESSION: "none" }).config.compression, { kind: "none", level: 0 });
    assert.match(problemOf({ BACKUP_COMPRESSION: "gz", BACKUP_COMPRESSION_LEVEL: "10" }), /1 to 9/);
    assert.match(problemOf({ BACKUP_COMPRESSION_LEVEL: "20" }), /from 1 to 19/);
  });

  test("retention is a whole number of days from 1", () => {
    for (const days of ["0", "-1", "1.5", "week"])
      assert.match(problemOf({ BACKUP_RETENTION_DAYS: days }), /from 1 to 36500/);
    assert.equal(read({ ...fine, BACKUP_RETENTION_DAYS: "7" }).config.retentionDays, 7);
  });

  test("the engine is found at its usual socket, and a socket that is named must be there", () => {
    const socket = worldWith({ "/var/run/docker.sock": "" });
    assert.equal(read({ ...fine }, socket).config.docker.host, "unix:///var/run/docker.sock");
    assert.match(problemOf({ DOCKER_HOST: "unix:///nowhere.sock" }), /'\/nowhere.sock' does not exist/);
    assert.match(problemOf({ DOCKER_HOST: "ssh://host" }), /is not an address/);
    assert.equal(
      read({ ...fine, DOCKER_HOST: "tcp://proxy:2375", BACKUP_DOCKER_PROJECT: "all" }).config.docker.project,
      "all",
    );
  });

  test("to restore on a new machine, neither sources nor a key to seal with are needed; to decrypt, no target either", () => {
    const bare = worldWith({}, { folders: ["/archive"] });
    assert.equal(readSettings({}, bare, "restore").config.encryption.kind, "none");
    assert.match(problemOf({}, worldWith({}, { folders: [] }), "restore"), /nowhere to keep backups/);
    assert.deepEqual(problemsOf({}, worldWith({}, { folders: [] }), "decrypt"), []);
  });
});

function failureOf(env: Record<string, string>): SettingsError {
  try {
    readSettings({ ...fine, ...env }, worldWith());
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error("the settings were taken");
}
