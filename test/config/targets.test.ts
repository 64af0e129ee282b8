import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { redact } from "../../src/system/secret.ts";
import { fine, problemOf, problemsOf, read, sshKey, worldWith } from "./world.ts";

const noFolder = worldWith({}, { folders: ["/backup"] });

test("a password in RSYNC_DESTINATION is not repeated", () => {
  for (const destination of [
    "backup:canary@nas:/backups",
    "rsync://backup:canary@nas/backups",
    "backup:ca/nary@nas:/b",
    "backup:can@ary@nas:/b",
    "backup:can ary@nas:/b",
  ]) {
    const [problem] = problemsOf({ RSYNC_DESTINATION: destination, RSYNC_SSH_KEY: sshKey });
    assert.equal(problem?.name, "RSYNC_DESTINATION");
    assert.match(problem.given ?? "", /\*\*\*@nas/);
    assert.doesNotMatch(problem.given ?? "", /canary|ca\/nary|can|ary/);
  }
});

suite("targets", () => {
  test("without any target nothing starts", () => {
    assert.match(problemOf({}, noFolder), /^BACKUP_ARCHIVE: is not there, and no other target is set/);
  });

  test("the local folder is used if it is there; one that is named must be there, and be a folder", () => {
    const s3 = { ...fine, AWS_S3_BUCKET_NAME: "bucket" };
    assert.deepEqual(
      read(s3, noFolder).config.targets.map(({ kind }) => kind),
      ["s3"],
    );
    assert.deepEqual(
      read(s3).config.targets.map(({ kind }) => kind),
      ["local", "s3"],
    );
    assert.match(problemOf({ BACKUP_ARCHIVE: "/nowhere" }), /^BACKUP_ARCHIVE: does not exist/);
    assert.match(
      problemOf({ BACKUP_ARCHIVE: "/file" }, worldWith({ "/file": "" })),
      /^BACKUP_ARCHIVE: is not a folder/,
    );
    assert.match(problemOf({ BACKUP_ARCHIVE: "relative" }), /is not an absolute path/);
  });
});

suite("S3", () => {
  const s3 = (env: Record<string, string>) => {
    return read({ ...fine, AWS_S3_BUCKET_NAME: "bucket", ...env }, noFolder).config.targets[0];
  };

  test("endpoint, path and region are made whole", () => {
    assert.deepEqual(s3({}), { kind: "s3", bucket: "bucket", path: "", region: "us-east-1" });
    assert.deepEqual(
      s3({
        AWS_ENDPOINT: "s3.example.com:9000",
        AWS_ENDPOINT_PROTO: "http",
        AWS_S3_PATH: "/a/b/",
        AWS_DEFAULT_REGION: "eu-central-1",
        AWS_STORAGE_CLASS: "STANDARD_IA",
      }),
      {
        kind: "s3",
        bucket: "bucket",
        path: "a/b",
        endpoint: "http://s3.example.com:9000",
        region: "eu-central-1",
        storageClass: "STANDARD_IA",
      },
    );
    const target = s3({ AWS_ENDPOINT: "https://minio/" });
    assert.equal(target?.kind === "s3" && target.endpoint, "https://minio");
    for (const endpoint of ["http://garage_s3:3900", "https://x.example.co/storage/v1/s3"]) {
      const unusual = s3({ AWS_ENDPOINT: `${endpoint}/` });
      assert.equal(unusual?.kind === "s3" && unusual.endpoint, endpoint);
    }
    const amazon = s3({ AWS_ENDPOINT: "s3.amazonaws.com" });
    assert.equal(amazon?.kind === "s3" && amazon.endpoint, undefined);
  });

  test("one key without the other is an error", () => {
    const bucket = { AWS_S3_BUCKET_NAME: "bucket" };
    assert.match(
      problemOf({ ...bucket, AWS_ACCESS_KEY_ID: "x" }),
      /^AWS_SECRET_ACCESS_KEY: is not set, but AWS_ACCESS_KEY_ID is/,
    );
    assert.match(
      problemOf({ ...bucket, AWS_SECRET_ACCESS_KEY: "x" }),
      /^AWS_ACCESS_KEY_ID: is not set, but AWS_SECRET_ACCESS_KEY is/,
    );
    assert.deepEqual(problemsOf({ ...bucket, AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y" }), []);
  });

  test("every other AWS setting without a bucket is useless, and said to be", () => {
    for (const name of [
      "AWS_S3_PATH",
      "AWS_ENDPOINT",
      "AWS_ENDPOINT_PROTO",
      "AWS_DEFAULT_REGION",
      "AWS_ACCESS_KEY_ID",
      "AWS_STORAGE_CLASS",
    ]) {
      const value = { AWS_ENDPOINT_PROTO: "http", AWS_STORAGE_CLASS: "GLACIER_IR" }[name] ?? "x";
      assert.match(problemOf({ [name]: value }), new RegExp(`^${name}: does nothing without AWS_S3_BUCKET_NAME`));
    }
  });

  test("a bucket with a path in it, an endpoint with one, and a protocol for no endpoint are told", () => {
    assert.match(problemOf({ AWS_S3_BUCKET_NAME: "bucket/path" }), /AWS_S3_PATH/);
    const bucket = { AWS_S3_BUCKET_NAME: "bucket" };
    assert.match(problemOf({ ...bucket, AWS_ENDPOINT: "https://host/bucket" }), /AWS_ENDPOINT: ends with the bucket's/);
    assert.match(problemOf({ ...bucket, AWS_ENDPOINT: "https://host?x=1" }), /AWS_ENDPOINT: is not a host.*a path/);
    assert.match(problemOf({ ...bucket, AWS_ENDPOINT_PROTO: "http" }), /does nothing without AWS_ENDPOINT/);
    assert.match(
      problemOf({ ...bucket, AWS_ENDPOINT: "https://h", AWS_ENDPOINT_PROTO: "http" }),
      /contradicts AWS_ENDPOINT/,
    );
    assert.match(problemOf({ ...bucket, AWS_S3_PATH: "a/../b" }), /has '.' or '..' in it/);
  });
});

suite("rsync", () => {
  const good = {
    RSYNC_DESTINATION: "user@nas:/srv/b",
    RSYNC_SSH_KEY: sshKey,
    RSYNC_KNOWN_HOSTS: "nas ssh-ed25519 AAAA",
  };

  test("key and known hosts get back the line break that ssh insists on", () => {
    const { targets } = read({ ...fine, ...good, RSYNC_PORT: "2222" }, noFolder).config;
    const [target] = targets;
    assert.ok(target?.kind === "rsync");
    assert.deepEqual(
      [target.destination, target.port, target.knownHosts],
      ["user@nas:/srv/b", 2222, "nas ssh-ed25519 AAAA\n"],
    );
    assert.ok(target.sshKey.reveal().endsWith("PRIVATE KEY-----\n"));
  });

  test("known hosts are a must, and the message says how to get them", () => {
    const problem = problemOf({ ...good, RSYNC_KNOWN_HOSTS: "", RSYNC_PORT: "2222" });
    assert.match(problem, /^RSYNC_KNOWN_HOSTS: is not set, and the host's key is always checked/);
    assert.match(problem, /ssh-keyscan -p 2222 nas/);
    assert.match(problemOf({ ...good, RSYNC_KNOWN_HOSTS: "/root/.ssh/known_hosts" }), /is a path instead/);
    assert.match(problemOf({ ...good, RSYNC_KNOWN_HOSTS: "# nothing" }), /has no host's key in it/);
  });

  test("the destination is user@host:/path, over ssh", () => {
    for (const destination of [
      "user@nas:/srv/b",
      "u1@u1.your-storagebox.de:backups",
      "user@[fe80::1]:/b",
      "user@nas:/with blank",
    ]) {
      assert.deepEqual(problemsOf({ ...good, RSYNC_DESTINATION: destination }), [], destination);
    }
    for (const destination of [
      "nas:/srv",
      "user@nas",
      "user@nas::module",
      "rsync://nas/x",
      "/srv",
      "-o@nas:/x",
      "user@-nas:/x",
      "user@nas:$(id)",
      "user@nas:",
    ]) {
      assert.match(
        problemOf({ ...good, RSYNC_DESTINATION: destination }),
        /^RSYNC_DESTINATION: is not a destination .* → user@host:\/path$/,
        destination,
      );
    }
  });

  test("a key that is protected, lost its line breaks, or is a path is told", () => {
    const folder = mkdtempSync(join(tmpdir(), "keys-"));
    const keyed = (passphrase: string) => {
      const path = join(folder, `key${passphrase}`);
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", path]);
      return readFileSync(path, "utf8");
    };
    try {
      const unlocked = keyed("");
      assert.deepEqual(problemsOf({ ...good, RSYNC_SSH_KEY: unlocked }), []);
      assert.match(problemOf({ ...good, RSYNC_SSH_KEY: keyed("sesame") }), /is protected by a passphrase/);
      assert.match(problemOf({ ...good, RSYNC_SSH_KEY: unlocked.replaceAll("\n", " ") }), /has lost its line breaks/);
    } finally {
      rmSync(folder, { recursive: true });
    }
    assert.match(problemOf({ ...good, RSYNC_SSH_KEY: "/root/.ssh/id" }), /is a path instead/);
    assert.match(problemOf({ ...good, RSYNC_SSH_KEY: "hello" }), /is no private key/);
    assert.match(problemOf({ ...good, RSYNC_SSH_KEY: "" }), /rsync logs in with a key/);
  });

  test("the others without a destination are useless, and said to be", () => {
    const { RSYNC_DESTINATION: _, ...others } = { ...good, RSYNC_PORT: "22" };
    const problems = problemsOf(others);
    assert.deepEqual(
      problems.map(({ name }) => name),
      ["RSYNC_PORT", "RSYNC_SSH_KEY", "RSYNC_KNOWN_HOSTS"],
    );
    for (const { problem } of problems) assert.equal(problem, "does nothing without RSYNC_DESTINATION");
  });
});

suite("rclone", () => {
  test("several destinations stand behind each other, and all get the environment of rclone", () => {
    const env = {
      RCLONE_DESTINATION: "nas:a  b2:bucket/x\n:local:/mnt",
      RCLONE_CONFIG_NAS_TYPE: "sftp",
      RCLONE_CONFIG_NAS_PASS: "canary-pass",
    };
    const { targets } = read({ ...fine, ...env }, noFolder).config;
    assert.deepEqual(
      targets.map((target) => target.kind === "rclone" && target.destination),
      ["nas:a", "b2:bucket/x", ":local:/mnt"],
    );
    for (const target of targets) {
      assert.ok(target.kind === "rclone");
      assert.deepEqual(Object.keys(target.env), ["RCLONE_CONFIG_NAS_TYPE", "RCLONE_CONFIG_NAS_PASS"]);
      assert.equal(target.env["RCLONE_CONFIG_NAS_PASS"]?.reveal(), "canary-pass");
    }
    assert.equal(redact("sftp with canary-pass"), "sftp with ***");
  });

  test("what names no remote, hides options in the destination, or comes twice is told", () => {
    assert.match(problemOf({ RCLONE_DESTINATION: "/just/a/path" }), /names no remote in '\/just\/a\/path'/);
    assert.match(
      problemOf({ RCLONE_DESTINATION: "nas:a,b2:b" }),
      /has a comma before a colon → .* separated by spaces/,
    );
    assert.match(problemOf({ RCLONE_DESTINATION: ":sftp,host=h,pass=canary:x" }), /RCLONE_CONFIG_…$/);
    assert.match(problemOf({ RCLONE_DESTINATION: "nas:a nas:a" }), /names 'nas:a' twice/);
  });

  test("rclone's variables without a destination are useless, and said to be", () => {
    assert.match(
      problemOf({ RCLONE_CONFIG_NAS_TYPE: "sftp" }),
      /^RCLONE_DESTINATION: is not set, and RCLONE_CONFIG_NAS_TYPE does nothing without it/,
    );
  });
});
