import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { settingNames } from "../../src/config/settings.ts";
import { fine, privateKey, problemOf, problemsOf, read, sshKey, worldWith } from "./world.ts";

const rsync = { RSYNC_DESTINATION: "user@nas:/backups", RSYNC_SSH_KEY: sshKey };

suite("NAME_FILE", () => {
  test("every setting can be read from a file", () => {
    for (const name of settingNames) {
      const problem = problemsOf({ [name]: "", [`${name}_FILE`]: "/nowhere" }).find(
        (one) => one.name === `${name}_FILE`,
      );
      assert.equal(problem?.problem, "is not there", name);
      assert.equal(problem?.given, "/nowhere");
    }
  });

  test("one line break at the end of the file is dropped, and only one", () => {
    const secretOf = (text: string) => {
      const { encryption } = read({ GPG_PASSPHRASE_FILE: "/s" }, worldWith({ "/s": text })).config;
      return encryption.kind === "passphrase" ? encryption.passphrase.reveal() : undefined;
    };
    assert.equal(secretOf("correct horse battery\n"), "correct horse battery");
    assert.equal(secretOf(" correct horse battery"), " correct horse battery");
    const env = { ...fine, GPG_PRIVATE_KEY: privateKey, GPG_PRIVATE_KEY_PASSPHRASE_FILE: "/k" };
    const { privateKeyPassphrase } = read(env, worldWith({ "/k": "open sesame\n\r\n" })).config;
    assert.equal(privateKeyPassphrase?.reveal(), "open sesame\n");
  });

  test("a file that cannot be read is one problem, not what would follow from a setting left out", () => {
    const unset = { GPG_PASSPHRASE: "" };
    for (const name of ["GPG_PASSPHRASE", "GPG_PUBLIC_KEY_RING"]) {
      assert.match(
        problemOf({ ...unset, [`${name}_FILE`]: "/nowhere" }),
        new RegExp(`^${name}_FILE: is not there → .*$`),
      );
      assert.equal(problemsOf({ ...unset, [`${name}_FILE`]: "/nowhere" }).length, 1);
    }
    for (const name of ["RSYNC_SSH_KEY", "RSYNC_KNOWN_HOSTS"]) {
      const env = { ...rsync, RSYNC_KNOWN_HOSTS: "nas ssh-ed25519 A", [name]: "", [`${name}_FILE`]: "/nowhere" };
      assert.deepEqual(
        problemsOf(env).map((problem) => problem.name),
        [`${name}_FILE`],
      );
    }
    const both = { ...unset, GPG_PUBLIC_KEY_RING: "x", GPG_PUBLIC_KEY_RING_FILE: "/nowhere" };
    assert.match(problemOf(both), /^GPG_PUBLIC_KEY_RING: both .* are set → one of the two$/);
  });

  test("a file that is a folder was made by Docker, and one that may not be read has an owner", () => {
    const failing = (code: string) => ({
      ...worldWith(),
      readFile: () => {
        throw Object.assign(new Error(`${code}: of the system`), { code });
      },
    });
    assert.match(problemOf({ BACKUP_NAME_FILE: "/n" }, failing("EISDIR")), /is a folder, as Docker makes one/);
    assert.match(problemOf({ BACKUP_NAME_FILE: "/n" }, failing("EACCES")), /may not be read by this user/);
    assert.match(problemOf({ BACKUP_NAME_FILE: "/n" }, failing("EIO")), /cannot be read \(EIO: of the system\)/);
  });

  test("NAME beside NAME_FILE is an error, also when both say the same", () => {
    const problem = problemOf({ GPG_PASSPHRASE_FILE: "/s" }, worldWith({ "/s": fine.GPG_PASSPHRASE }));
    assert.match(problem, /^GPG_PASSPHRASE: both GPG_PASSPHRASE and GPG_PASSPHRASE_FILE are set → one of the two$/m);
  });

  test("a file that cannot be read is an error that names the path", () => {
    assert.match(
      problemOf({ BACKUP_NAME_FILE: "/run/secrets/name" }),
      /BACKUP_NAME_FILE: is not there → the path of a file in this container/,
    );
  });

  test("an empty file is an error, because nobody names a file to say nothing", () => {
    assert.match(
      problemOf({ BACKUP_NAME_FILE: "/e" }, worldWith({ "/e": "\n" })),
      /BACKUP_NAME_FILE: is an empty file/,
    );
  });

  test("an empty NAME beside NAME_FILE is unset", () => {
    assert.equal(
      read({ ...fine, BACKUP_NAME: "", BACKUP_NAME_FILE: "/n" }, worldWith({ "/n": "irc\n" })).config.name,
      "irc",
    );
  });
});

suite("names that are no settings", () => {
  test("a name with one of our prefixes is an error, with the name that was meant if one is near", () => {
    for (const [given, meant] of [
      ["BACKUP_COMPRESION", "BACKUP_COMPRESSION"],
      ["BACKUP_CRON_EXPRESION", "BACKUP_CRON_EXPRESSION"],
      ["BACKUP_CRON", "BACKUP_CRON_EXPRESSION"],
      ["BACKUP_SOURCE", "BACKUP_SOURCES"],
      ["backup_name", "BACKUP_NAME"],
      ["BACKUP_RETENTION", "BACKUP_RETENTION_DAYS"],
      ["BACKUP_PASSPHRASE_FILE", "GPG_PASSPHRASE_FILE"],
      ["BACKUP_NAME_FIEL", "BACKUP_NAME_FILE"],
    ] as const) {
      assert.equal(problemOf({ [given]: "x" }), `${given}: is not known to this version → ${meant}, if that was meant`);
    }
  });

  test("a name of a later version, or of none, is an error without a suggestion that would mislead", () => {
    for (const name of [
      "BACKUP_KEEP_LAST",
      "BACKUP_VOLUMES",
      "VERIFY_CRON_EXPRESSION",
      "DRILL_IMAGE",
      "NOTIFY_URL",
      "BACKUP_KEEP_DAILY_FILE",
    ]) {
      const problem = problemOf({ [name]: "x" });
      assert.match(problem, new RegExp(`^${name}: is not known to this version → `));
      assert.doesNotMatch(problem, /if that was meant/);
    }
  });

  test("a near miss of a name without our prefix is a warning", () => {
    for (const [given, meant] of [
      ["GPG_PASPHRASE", "GPG_PASSPHRASE"],
      ["GPG_PASSPHRASE_FIL", "GPG_PASSPHRASE_FILE"],
      ["AWS_S3_BUCKET", "AWS_S3_BUCKET_NAME"],
      ["AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"],
      ["AWS_REGION", "AWS_DEFAULT_REGION"],
      ["AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
      ["RSYNC_DESTINATIONS", "RSYNC_DESTINATION"],
      ["RCLONE_DESTINATON", "RCLONE_DESTINATION"],
      ["LOG_LEVL", "LOG_LEVEL"],
      ["LOCK_TIMOUT", "LOCK_TIMEOUT"],
      ["BAKCUP_NAME", "BACKUP_NAME"],
      ["RETENTION_DAYS", "BACKUP_RETENTION_DAYS"],
      ["CRON_EXPRESSION", "BACKUP_CRON_EXPRESSION"],
      ["CRON", "BACKUP_CRON_EXPRESSION"],
      ["PASSPHRASE_FILE", "GPG_PASSPHRASE_FILE"],
    ] as const) {
      const env = { ...fine, [given]: "x", RCLONE_DESTINATION: "nas:x" };
      const found = read(env).warnings.filter((warning) => warning.startsWith(`${given} `));
      assert.deepEqual(found, [`${given} is not read by this program; right would be: ${meant}, if that was meant`]);
    }
  });

  test("what every container has around it is nobody's business", () => {
    const usual = [
      "PATH",
      "HOME",
      "HOSTNAME",
      "PWD",
      "LANG",
      "TERM",
      "SHLVL",
      "NODE_VERSION",
      "YARN_VERSION",
      "LC_ALL",
    ];
    const others = [
      "PS1",
      "USER",
      "TMPDIR",
      "SSH_AUTH_SOCK",
      "GNUPGHOME",
      "LIFEBOAT_FAILPOINT",
      "AWS_SESSION_TOKEN",
      "T",
      "OLDPWD",
    ];
    const more = [
      "DOCKER_CONFIG",
      "PGPASSWORD",
      "LOGNAME",
      "EDITOR",
      "npm_config_cache",
      "npm_lifecycle_event",
      "COLORTERM",
    ];
    const env = Object.fromEntries([...usual, ...others, ...more].map((name) => [name, "x"]));
    assert.deepEqual(read({ ...fine, ...env }).warnings, []);
  });

  test("docker-volume-backup's names that do nothing here say what to use instead", () => {
    for (const [name, right] of [
      ["BACKUP_FILENAME", /BACKUP_NAME/],
      ["BACKUP_STOP_DURING_BACKUP_LABEL", /lifeboat\.hold=stop/],
      ["NOTIFICATION_URLS", /lifeboat health/],
      ["AGE_PASSPHRASE", /GPG_PASSPHRASE/],
      ["SSH_HOST_NAME", /RSYNC_DESTINATION/],
      ["WEBDAV_URL", /RCLONE_DESTINATION/],
      ["BACKUP_PRUNING_PREFIX", /BACKUP_NAME/],
      ["AGE_PUBLIC_KEYS_FILE", /GPG_PUBLIC_KEY_RING/],
    ] as const) {
      const [problem, ...more] = problemsOf({ [name]: "x" });
      assert.equal(problem?.name, name);
      assert.match(problem?.right ?? "", right);
      assert.deepEqual(more, []);
    }
    assert.match(read({ ...fine, GZIP_PARALLELISM: "2" }).warnings.join(), /GZIP_PARALLELISM is not read/);
  });
});
