import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { PostgresServer } from "../../servers/postgres.ts";
import { docker, run } from "../../servers/programs.ts";
import { until } from "../../until.ts";
import { startSidecar, type Sidecar } from "./sidecar.ts";

let sidecar: Sidecar;
let server: PostgresServer;
let ip: string;
let files: string;

before(async () => {
  sidecar = await startSidecar();
  files = join(sidecar.folder, "tls");
  await mkdir(files);
  server = await sidecar.server(18, "db", { mounts: [`${files}:/tls:ro`] });
  const where = "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  ip = await docker("inspect", where, server.container);
  await makeAuthority("ours");
  await makeAuthority("theirs");
  await server.ready();
});
after(() => sidecar[Symbol.asyncDispose]());

const openssl = (...args: readonly string[]) => run("openssl", args);
const at = (name: string) => join(files, name);

async function makeAuthority(name: string): Promise<void> {
  const subject = ["-days", "2", "-subj", `/CN=${name} CA`];
  const result = ["-keyout", at(`${name}.key`), "-out", at(`${name}.crt`)];
  await openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject, ...result);
}

/** Makes the server show a certificate of `ours` for these names. */
async function serveWith(names: string, days = 2): Promise<void> {
  await openssl(
    ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server"],
    ...["-keyout", at("server.key"), "-out", at("server.csr")],
  );
  await writeFile(at("names"), `subjectAltName=${names}`);
  await openssl(
    ...["x509", "-req", "-in", at("server.csr"), "-CA", at("ours.crt"), "-CAkey", at("ours.key")],
    ...["-days", String(days), "-extfile", at("names"), "-out", at("server.crt")],
  );
  await server.sh("install -o postgres -m 600 /tls/server.key /tls/server.crt /var/lib/postgresql/");
  await server.sql(`
    ALTER SYSTEM SET ssl_cert_file = '/var/lib/postgresql/server.crt';
    ALTER SYSTEM SET ssl_key_file = '/var/lib/postgresql/server.key';
    ALTER SYSTEM SET ssl = on;
    SELECT pg_reload_conf();
  `);
  // A new connection gets the certificate of the settings that were loaded last.
  const shown =
    "openssl s_client -starttls postgres -connect db:5432 </dev/null 2>/dev/null | openssl x509 -noout -serial";
  const serial = await openssl("x509", "-noout", "-serial", "-in", at("server.crt"));
  await until(
    "the server shows its new certificate",
    async () => (await sidecar.sh(shown)).stdout.trim() === serial.trim(),
  );
}

interface Outcome {
  readonly pg: string;
  readonly pgDump: string;
}

/** How `pg` and `pg_dump` fare with these URLs' options, each "mode", "mode CA" or "mode CA host". */
async function connect(...ways: readonly string[]): Promise<readonly Outcome[]> {
  const addresses = ways.map((way) => {
    const [sslMode, ca = "-", host = "db"] = way.split(" ");
    const sslRootCert = ca === "-" ? {} : { sslRootCert: `/x/tls/${ca}.crt` };
    return {
      name: "db",
      host,
      port: 5432,
      user: "app",
      databases: ["app"],
      sslMode,
      ...sslRootCert,
      secret: server.password,
    };
  });
  const ended = await sidecar.sh(`node /checkout/test/sources/postgres/tls-child.ts '${JSON.stringify(addresses)}'`);
  assert.equal(ended.exitCode, 0, ended.stderr);
  assert.doesNotMatch(ended.stdout, /canary-/);
  return JSON.parse(ended.stdout) as readonly Outcome[];
}

/** Both must refuse, with the same words of ours and a hint. */
function refused(outcome: Outcome | undefined, why: RegExp): void {
  for (const said of [outcome?.pg ?? "", outcome?.pgDump ?? ""]) assert.match(said, why);
}

const accepted = (outcome: string) => ({ pg: outcome, pgDump: "dumped" });

describe("TLS to a PostgreSQL server, for pg and pg_dump alike", () => {
  test("a server without it is used in clear only where the mode allows that", async () => {
    const [disable, prefer, ...others] = await connect(
      "disable",
      "prefer",
      "require",
      "verify-ca ours",
      "verify-full ours",
    );
    assert.deepEqual([disable, prefer], [accepted("in clear"), accepted("in clear")]);
    for (const outcome of others)
      refused(outcome, /cannot (ask|dump) .* server 'db': it offers no TLS: .* \| .*sslmode/);
  });

  test("a good certificate is accepted in every mode, and TLS is used", async () => {
    await serveWith("DNS:db");
    const ways = ["prefer", "require", "require ours", "verify-ca ours", "verify-full ours"];
    const [disable, ...others] = await connect("disable", ...ways);
    assert.deepEqual(disable, accepted("in clear"));
    assert.deepEqual(
      others,
      ways.map(() => accepted("in TLS")),
    );
  });

  test("a certificate of another authority is refused where one is named, or the mode asks for one", async () => {
    const ways = ["require theirs", "verify-ca theirs", "verify-full theirs", "verify-full"];
    for (const outcome of await connect(...ways)) {
      refused(outcome, /cannot (ask|dump) .* server 'db': its certificate is refused: .* \| .*sslrootcert/);
    }
  });

  test("a certificate for another host is refused by verify-full alone", async () => {
    const [full, ca, require_] = await connect(
      ...["verify-full", "verify-ca", "require"].map((mode) => `${mode} ours ${ip}`),
    );
    refused(full, /its certificate is refused: .*(does not match|altnames).* \| /);
    assert.deepEqual([ca, require_], [accepted("in TLS"), accepted("in TLS")]);
  });

  test("an address is looked for in the certificate like a name", async () => {
    await serveWith(`IP:${ip}`);
    const [byAddress, byName] = await connect(`verify-full ours ${ip}`, "verify-full ours");
    assert.deepEqual(byAddress, accepted("in TLS"));
    refused(byName, /its certificate is refused/);
  });

  test("an authority that the image trusts needs no sslrootcert", async () => {
    await serveWith("DNS:db");
    const trust = "cp /x/tls/ours.crt /usr/local/share/ca-certificates/ && update-ca-certificates";
    assert.equal((await sidecar.sh(trust)).exitCode, 0);
    assert.deepEqual(await connect("verify-full"), [accepted("in TLS")]);
  });

  test("a certificate that has expired is refused wherever one is checked", async () => {
    await serveWith("DNS:db", -1);
    const [unchecked, ...checked] = await connect("require", "require ours", "verify-ca ours", "verify-full ours");
    assert.deepEqual(unchecked, accepted("in TLS"));
    for (const outcome of checked)
      refused(outcome, /its certificate is refused: .*(has expired|verify failed).* \| .*has expired/);
  });
});
