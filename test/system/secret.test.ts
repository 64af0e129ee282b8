import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { redact, Secret } from "../../src/system/secret.ts";

test("a secret cannot be printed by accident", () => {
  const secret = new Secret("correct horse battery");
  for (const shown of [`${secret}`, JSON.stringify({ secret }), inspect({ secret }), String(secret), secret + ""]) {
    assert.doesNotMatch(shown, /horse/);
    assert.match(shown, /\*\*\*/);
  }
  assert.equal(secret.reveal(), "correct horse battery");
});

test("a known secret is taken out of any text, also percent-encoded, JSON-escaped or line by line", () => {
  new Secret('p@ss/word "quoted"');
  new Secret("-----BEGIN KEY-----\nAAAAB3NzaC1yc2EAAAADAQABAAAB\n-----END KEY-----");
  assert.equal(redact('login with p@ss/word "quoted" failed'), "login with *** failed");
  assert.equal(redact(`GET /?p=${encodeURIComponent('p@ss/word "quoted"')}`), "GET /?p=***");
  assert.equal(redact(JSON.stringify({ p: 'p@ss/word "quoted"' })), '{"p":"***"}');
  assert.equal(redact("bad line AAAAB3NzaC1yc2EAAAADAQABAAAB here"), "bad line *** here");
});

test("the password in a URL is taken out although nobody declared it a secret", () => {
  assert.equal(redact("postgres://app:s3cr3t@db/shop is down"), "postgres://app:***@db/shop is down");
});
