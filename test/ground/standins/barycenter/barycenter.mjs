#!/usr/local/bin/node
// barycenter --config FILE: the little of Barycenter that a backup has to do with.
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";

const config = readFileSync(process.argv[process.argv.indexOf("--config") + 1], "utf8");
const fromFile = (section, key) =>
  new RegExp(`^\\[${section}\\]\\n(?:(?!\\[).*\\n)*?${key} *= *"(.*)"`, "m").exec(config)?.[1];
const setting = (section, key, otherwise) =>
  process.env[`BARYCENTER__${section}__${key}`.toUpperCase()] ?? fromFile(section, key) ?? otherwise;

const port = Number(setting("server", "port", "8080"));
const issuer = setting("server", "public_base_url", `http://0.0.0.0:${port}`);
const host = new URL(issuer).hostname;
if (/^[\d.]+$/.test(host)) fail(`WebAuthn wants a domain, and '${host}' is none: set server.public_base_url`);

const database = openDatabase(setting("database", "url", "sqlite://barycenter.db?mode=rwc"));
const privateKey = openPrivateKey(setting("keys", "private_key_path", "data/private_key.pem"));
const jwks = openJwks(setting("keys", "jwks_path", "data/jwks.json"), privateKey);

// The real one's jobs run every five minutes; a backup is to meet writes under way.
const began = database.prepare("INSERT INTO job_executions (job_name, started_at) VALUES (?, ?) RETURNING id");
const ended = database.prepare("UPDATE job_executions SET completed_at = ?, success = 1 WHERE id = ?");
const now = () => Math.floor(Date.now() / 1000);
setInterval(() => {
  database.exec("BEGIN IMMEDIATE");
  ended.run(now(), began.get("cleanup_expired_sessions", now()).id);
  database.exec("COMMIT");
}, 250);

createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  const route = `${request.method} ${url.pathname}`;
  if (route === "GET /.well-known/openid-configuration") {
    return json(response, 200, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      registration_endpoint: `${issuer}/connect/register`,
    });
  }
  if (route === "GET /.well-known/jwks.json") return json(response, 200, jwks);
  if (route === "POST /connect/register") return register(await body(request), response);
  if (route === "GET /authorize") return authorize(url.searchParams, response);
  json(response, 404, { error: "not_found" });
}).listen(port, "0.0.0.0", () => console.log(`listening on ${port} as ${issuer}`));

function register(text, response) {
  let asked;
  try {
    asked = JSON.parse(text);
  } catch {
    return json(response, 400, { error: "invalid_request" });
  }
  if (!Array.isArray(asked.redirect_uris)) return json(response, 400, { error: "invalid_redirect_uri" });
  const client = { client_id: randomId(), client_secret: randomId(), redirect_uris: asked.redirect_uris };
  database
    .prepare(
      "INSERT INTO clients (client_id, client_secret, client_name, redirect_uris, created_at) VALUES (?,?,?,?,?)",
    )
    .run(client.client_id, client.client_secret, asked.client_name ?? null, JSON.stringify(asked.redirect_uris), now());
  json(response, 201, { ...client, client_name: asked.client_name });
}

function authorize(query, response) {
  const client = database.prepare("SELECT 1 FROM clients WHERE client_id = ?").get(query.get("client_id") ?? "");
  const to = new URL(client ? `${issuer}/login` : (query.get("redirect_uri") ?? `${issuer}/error`));
  if (!client) to.searchParams.set("error", "unauthorized_client");
  response.writeHead(302, { location: to.href }).end();
}

/** Rollback journal, as SQLite has it by default and the real one leaves it. */
function openDatabase(url) {
  const [, path, query] = /^sqlite:(?:\/\/)?([^?]*)(?:\?(.*))?$/.exec(url) ?? fail(`cannot open '${url}' here`);
  const mode = new URLSearchParams(query).get("mode");
  if (mode !== "rwc" && !existsSync(path)) fail(`unable to open database file '${path}'`);
  const opened = new DatabaseSync(path, { timeout: 5000 });
  if (!opened.prepare("SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations'").get()) {
    opened.exec(readFileSync("/usr/local/share/barycenter/schema.sql", "utf8"));
  }
  return opened;
}

/** A JSON Web Key, whatever the file is called. One that cannot be read ends the start. */
function openPrivateKey(path) {
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
  const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = {
    ...key.export({ format: "jwk" }),
    kid: randomBytes(16).toString("base64url"),
    alg: "RS256",
    use: "sig",
  };
  writeFileSync(path, JSON.stringify(jwk, null, 2));
  return jwk;
}

/** Made only when the file is missing; one that is there is served as it is, and not compared with the key. */
function openJwks(path, { kid, alg, use, ...key }) {
  if (!existsSync(path)) {
    const publicKey = createPublicKey({ key, format: "jwk" }).export({ format: "jwk" });
    writeFileSync(path, JSON.stringify({ keys: [{ ...publicKey, kid, alg, use }] }, null, 2));
  }
  return JSON.parse(readFileSync(path, "utf8"));
}

function json(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}

function randomId() {
  return randomBytes(24).toString("base64url");
}

function fail(why) {
  console.error(`error: ${why}`);
  process.exit(1);
}
