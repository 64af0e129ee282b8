import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { parseEnv } from "node:util";
import { exitCodesPage, settingsHelp, settingsPage } from "../../src/config/reference.ts";
import { settingNames, settingOf } from "../../src/config/settings.ts";
import { settingsInForce, showSettings, showSettingsJson } from "../../src/config/show.ts";
import { fine, publicKey, read, worldWith } from "./world.ts";

suite("the table of settings", () => {
  test("the reference pages are up to date (npm run docs)", () => {
    const page = (name: string) => readFileSync(new URL(`../../docs/reference/${name}.md`, import.meta.url), "utf8");
    assert.equal(page("settings"), settingsPage());
    assert.equal(page("exit-codes"), exitCodesPage());
  });

  test("every setting is in the page, its env file, `help settings` and the config command", () => {
    const page = settingsPage();
    const inForce = showSettingsJson(read({ ...fine }));
    for (const name of settingNames) {
      assert.ok(page.includes(`| \`${name}\` |`), name);
      assert.match(page, new RegExp(`^(# )?${name}=`, "m"));
      assert.match(settingsHelp(), new RegExp(`^  ${name}( |$)`, "m"));
      assert.ok(name in inForce, name);
    }
  });

  test("the env file of the page changes nothing", () => {
    const block = /```env\n(.*?)```/s.exec(settingsPage())?.[1] ?? "";
    const env = parseEnv(block) as Record<string, string>;
    assert.ok(Object.keys(env).length >= 10);
    assert.deepEqual(read({ ...env, ...fine }).config, read({ ...fine }).config);
  });

  test("every default and every example is a value that its setting takes", () => {
    for (const name of settingNames) {
      const { default: standard, example, kind } = settingOf(name);
      if (standard !== undefined) assert.doesNotThrow(() => kind.decode(standard), name);
      if (example !== undefined) assert.doesNotThrow(() => kind.decode(example), name);
    }
  });

  test("help settings fits a terminal of 80 columns", () => {
    for (const line of settingsHelp().split("\n")) assert.ok(line.length <= 80, line);
  });
});

suite("the config command", () => {
  test("shows what is in force, where it came from, and no secret", () => {
    const env = {
      GPG_PASSPHRASE_FILE: "/run/secrets/p",
      BACKUP_CRON_EXPRESSION: "@daily",
      DOCKER_HOST: "tcp://u:canary-pw@h",
    };
    const settings = read(env, worldWith({ "/run/secrets/p": "canary-passphrase\n" }));
    const of = (name: string) => settingsInForce(settings).find((one) => one.name === name);
    assert.deepEqual(of("GPG_PASSPHRASE"), {
      name: "GPG_PASSPHRASE",
      value: "***",
      from: "file",
      file: "/run/secrets/p",
    });
    assert.deepEqual(of("BACKUP_CRON_EXPRESSION"), { name: "BACKUP_CRON_EXPRESSION", value: "@daily", from: "set" });
    assert.deepEqual(of("BACKUP_NAME"), { name: "BACKUP_NAME", value: "box", from: "default" });
    assert.deepEqual(of("BACKUP_ARCHIVE"), { name: "BACKUP_ARCHIVE", value: "/archive", from: "default" });
    assert.deepEqual(of("AWS_S3_PATH"), { name: "AWS_S3_PATH", value: null, from: "default" });
    const shown = showSettings(settings);
    assert.match(shown, /^GPG_PASSPHRASE +\*\*\* +\(file \/run\/secrets\/p\)$/m);
    assert.match(shown, /^LOCK_TIMEOUT +1h +\(default\)$/m);
    assert.doesNotMatch(shown + JSON.stringify(showSettingsJson(settings)), /canary/);
  });

  test("shows which variables rclone gets, without their values", () => {
    const shown = showSettings(read({ ...fine, RCLONE_DESTINATION: "nas:x", RCLONE_CONFIG_NAS_PASS: "canary" }));
    assert.match(shown, /^RCLONE_CONFIG_NAS_PASS +\*\*\* +\(set\)$/m);
  });

  test("shows a value of several lines on one", () => {
    assert.match(
      showSettings(read({ GPG_PUBLIC_KEY_RING: publicKey })),
      /^GPG_PUBLIC_KEY_RING +-----BEGIN PGP PUBLIC KEY BLOCK----- … \(4 lines\)/m,
    );
  });
});
