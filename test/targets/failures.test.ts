import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChildError } from "../../src/system/children.ts";
import { describeError } from "../../src/errors.ts";
import { rcloneFailure } from "../../src/targets/rclone-failure.ts";
import { rsyncFailure } from "../../src/targets/rsync-failure.ts";
import { isTransient } from "../../src/targets/target.ts";

/** What rclone 1.60 and 1.75 really said, and what an operator is told. `again`: whether another attempt may help. */
const saidByRclone: readonly [exitCode: number, said: string, told: RegExp, again: boolean][] = [
  [1, "Failed to copy: NoSuchBucket: ", /bucket does not exist/, false],
  [1, "operation error S3: PutObject, https response error StatusCode: 404, api error NoSuchBucket", /bucket/, false],
  [1, "error listing: SignatureDoesNotMatch: ", /secret key or the region/, false],
  [1, "operation error S3: ListObjects, StatusCode: 403, api error InvalidAccessKeyId", /access key/, false],
  [1, "Forbidden: Forbidden", /access is denied/, false],
  [1, "operation error S3: HeadObject, https response error StatusCode: 403, api error Forbidden", /denied/, false],
  [1, "401 Unauthorized", /credentials are refused/, false],
  [1, "api error QuotaExceeded: UnknownError", /no space left/, false],
  [1, "preallocate: file too big for remaining disk space", /no space left/, false],
  [1, "InsufficientStorage: 507 Insufficient Storage", /no space left/, false],
  [1, 'Get "https://s3/": x509: certificate has expired or is not yet valid', /certificate is not valid/, false],
  [1, "RequestTimeTooSkewed: ", /clock is wrong/, false],
  [1, 'didn\'t find section in config file ("y")', /no such remote/, false],
  [1, "AccessDenied: object is protected by object lock", /object is locked/, false],
  [1, "dial tcp: lookup no-such.invalid on 10.0.0.1:53: no such host", /host name is not known/, true],
  [1, "dial tcp 127.0.0.1:1: connect: connection refused", /cannot be reached/, true],
  [5, "exceeded maximum number of attempts, 3, request send failed, connect: connection refused", /reached/, true],
  [1, "SlowDown: Please reduce your request rate", /fewer requests/, true],
  [1, "read tcp 10.0.0.2:5->10.0.0.1:443: read: connection reset by peer", /connection failed/, true],
  [1, "net/http: TLS handshake timeout", /connection failed/, true],
  [1, "https response error StatusCode: 503, ServiceUnavailable", /connection failed/, true],
  [5, "something that rclone itself would try again", /rclone failed/, true],
  [1, "something nobody knows", /rclone failed/, false],
  [2, "something nobody knows", /rclone failed/, false],
  [7, "something fatal", /rclone failed/, false],
];

/** What rsync 3.5, rrsync and OpenSSH 9.2 really said. */
const saidByRsync: readonly [exitCode: number, said: string, told: RegExp, again: boolean][] = [
  [255, "root@h: Permission denied (publickey).", /ssh key is refused/, false],
  [255, "No ED25519 host key is known for [h]:22 and you have requested strict checking.", /known hosts/, false],
  [
    255,
    "Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa,ssh-dss\r\nrsync: connection unexpectedly closed (0 bytes received so far) [sender]",
    /ssh server is too old/,
    false,
  ],
  [11, 'rsync: write failed on "/d/.f": No space left on device (28)', /no space left/, false],
  [11, "rsync: mkstemp failed: Disk quota exceeded (122)", /no space left/, false],
  [23, 'rsync: [receiver] mkstemp "/d/.f" failed: Read-only file system (30)', /mounted read-only/, false],
  [23, 'rsync: [receiver] mkstemp "/d/.f" failed: Permission denied (13)', /may not write/, false],
  [12, "rrsync error: sending to read-only server is not allowed", /allows no writing/, false],
  [12, "rrsync error: reading from write-only server is not allowed", /allows no reading/, false],
  [127, "bash: line 1: rsync: command not found", /no rsync on the server/, false],
  [12, "rsync: connection unexpectedly closed (0 bytes received so far)", /connection was lost/, true],
  [30, "[sender] io timeout after 5 seconds -- exiting", /connection was lost/, true],
  [255, "ssh: connect to host h port 22: Connection refused", /cannot be reached/, true],
  [255, "ssh: Could not resolve hostname h: Name or service not known", /host name is not known/, true],
  [10, "", /rsync failed/, true],
  [11, "", /no space left there, its disk is failing, or the folder does not exist there/, false],
  [23, "something nobody knows", /rsync failed/, false],
];

describe("what a failed transfer is called", () => {
  for (const [exitCode, said, told, again] of saidByRclone) {
    it(`rclone ${exitCode}: ${said.slice(0, 70)}`, () => {
      const failure = rcloneFailure("place", "store 'key'", { exitCode, said });
      assert.match(failure.message, /^cannot store 'key' on 'place': /);
      assert.match(failure.message, told);
      assert.equal(isTransient(failure), again);
      assert.ok(describeError(failure).includes(said.slice(0, 20)));
    });
  }
  for (const [exitCode, said, told, again] of saidByRsync) {
    it(`rsync ${exitCode}: ${said.slice(0, 70)}`, () => {
      const failure = rsyncFailure("place", "store 'key'", new ChildError("rsync", { exitCode }, said)) as Error;
      assert.match(failure.message, /^cannot store 'key' on 'place': /);
      assert.match(failure.message, told);
      assert.equal(isTransient(failure), again);
    });
  }
});
