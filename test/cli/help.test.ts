import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { settingNames } from "../../src/config/settings.ts";
import { version } from "../../src/version.ts";
import { said } from "./said.ts";

suite("help", () => {
  test("shows the commands first, on one screen, and where the settings are", async () => {
    const { exitCode, stdout, stderr } = await said(["--help"]);
    assert.equal(exitCode, 0);
    assert.equal(stderr, "");
    const at = (text: string) => stdout.indexOf(text);
    assert.ok(at("Commands:") > 0 && at("Commands:") < at("Options:"), stdout);
    assert.match(stdout, /'lifeboat help settings'/);
    assert.doesNotMatch(stdout, /BACKUP_CRON_EXPRESSION/);
    assert.ok(stdout.split("\n").length <= 50, stdout);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
    assert.equal((await said(["help"])).stdout, stdout);
  });

  test("COMMAND shows what a command takes, as COMMAND --help does", async () => {
    const { exitCode, stdout } = await said(["help", "restore"]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /--in-place/);
    assert.equal((await said(["restore", "--help"])).stdout, stdout);
  });

  test("settings shows every setting", async () => {
    const { exitCode, stdout } = await said(["help", "settings"]);
    assert.equal(exitCode, 0);
    for (const name of settingNames) assert.match(stdout, new RegExp(`^  ${name}$`, "m"));
  });

  test("of no command is an error like the command itself", async () => {
    const { exitCode, stderr } = await said(["help", "restroe"]);
    assert.equal(exitCode, 2);
    assert.equal(stderr, "lifeboat: there is no command 'restroe'\n  Did you mean 'restore'?\n");
  });

  test("-v, --version and version know the version", async () => {
    for (const flag of ["-v", "--version"]) assert.equal((await said([flag])).stdout, `${version}\n`);
    assert.match((await said(["version"])).stdout, new RegExp(version));
  });
});

suite("a command line that is not understood", () => {
  const meant = { lsit: "list", bakcup: "backup", BACKUP: "backup", rest: "restore", snapshots: "list", dif: "diff" };
  for (const [word, command] of Object.entries(meant)) {
    test(`'${word}' was meant to be '${command}'`, async () => {
      assert.match((await said([word])).stderr, new RegExp(`^  Did you mean '${command}'\\?$`, "m"));
    });
  }

  for (const word of ["frobnicate", "constructor"]) {
    test(`without a near miss shows what there is: '${word}'`, async () => {
      assert.match((await said([word])).stderr, /^ {2}There are: backup, list, /m);
    });
  }

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [
      ["backup", "--ful"],
      /^lifeboat: unknown option '--ful'\n {2}Did you mean '--full'\? 'lifeboat help backup' shows/,
    ],
    [["ls"], /^lifeboat: missing required argument 'id'\n {2}'lifeboat help ls' shows/],
    [["list", "one"], /^lifeboat: too many arguments for 'list'.*\n {2}'lifeboat help list' shows/],
    [["restore", "latest", "--to"], /^lifeboat: option '--to <folder>' argument missing\n/],
    [["--frobnicate"], /^lifeboat: unknown option '--frobnicate'\n {2}'lifeboat help' shows/],
  ];
  for (const [args, form] of wrong) {
    test(`'${args.join(" ")}' is told once, in the form of all errors`, async () => {
      const { exitCode, stdout, stderr } = await said(args);
      assert.equal(exitCode, 2);
      assert.match(stderr, form);
      assert.equal(stderr.trimEnd().split("\n").length, 2, stderr);
      assert.equal(stdout, "");
    });
  }

  test("is JSON too where JSON was asked for", async () => {
    const { exitCode, stdout } = await said(["list", "--json", "--frobnicate"]);
    assert.equal(exitCode, 2);
    const { error } = JSON.parse(stdout) as { error: { message: string; exitCode: number } };
    assert.deepEqual([error.message, error.exitCode], ["unknown option '--frobnicate'", 2]);
  });
});
