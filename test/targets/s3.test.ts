import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, request, type RequestListener } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { mkdtempSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import { describeError, hintOf } from "../../src/errors.ts";
import type { Log } from "../../src/system/log.ts";
import { Secret } from "../../src/system/secret.ts";
import { retrying } from "../../src/targets/retrying.ts";
import { openS3Target, type S3Options } from "../../src/targets/s3.ts";
import { isTransient } from "../../src/targets/target.ts";
import { targetContract } from "../contract/target-contract.ts";
import { freePort } from "../servers/ports.ts";
import { docker, run } from "../servers/programs.ts";
import { sharedS3Server } from "../servers/s3.ts";
import { bodyIn, failureOf } from "./bodies.ts";
import { assertSecretsKept, recordPrograms } from "./recorded-programs.ts";
import { anyKey, never, targetTools, testFolder } from "./tools.ts";

const server = await sharedS3Server();
const root = testFolder();
const programs = await recordPrograms(root, "rclone");
const plain = (value: string) => new Secret(value, { redacted: false });
/** Small parts and small pages, so that few bytes and few objects already are many of them. */
const small = {
  RCLONE_S3_UPLOAD_CUTOFF: plain("5M"),
  RCLONE_S3_CHUNK_SIZE: plain("5M"),
  RCLONE_S3_LIST_CHUNK: plain("5"),
};
const tools = { ...targetTools(), env: small };

const secretKey = new Secret(server.secretKey);
function optionsFor(bucket: string, others: Partial<S3Options> = {}): S3Options {
  return {
    bucket,
    path: "backups/stack",
    endpoint: `${server.proto}://${server.endpoint}`,
    region: server.region,
    accessKeyId: plain(server.accessKey),
    secretAccessKey: secretKey,
    ...others,
  };
}

/** A web server of that kind. */
async function serving(listener: RequestListener) {
  const server = createHttpServer((asked, answer) => {
    asked.resume();
    listener(asked, answer);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The machine's own may be too old to leave a header out of its signature. */
async function folderOfImagesRclone(): Promise<string> {
  const folder = mkdtempSync(join(root, "rclone-"));
  const container = await docker("create", "rclone/rclone:1.75");
  try {
    await docker("cp", `${container}:/usr/local/bin/rclone`, folder);
  } finally {
    await docker("rm", container);
  }
  return folder;
}

targetContract("an S3 bucket", async () => {
  const bucket = await server.makeBucket();
  const rclone = (...args: string[]) => run("rclone", args, { env: server.rcloneEnvironment });
  return {
    target: openS3Target(optionsFor(bucket), tools),
    slow: openS3Target(optionsFor(bucket), { ...tools, env: { ...small, RCLONE_BWLIMIT: plain("2M") } }),
    async everything() {
      const objects = (await rclone("lsf", `testing:${bucket}/backups/stack/`)).split("\n");
      const answer = await rclone("backend", "list-multipart-uploads", `testing:${bucket}`);
      const uploads = Object.values(JSON.parse(answer) as Record<string, { Key: string }[] | null>);
      return [...objects, ...uploads.flatMap((found) => (found ?? []).map(({ Key }) => `unfinished ${Key}`))].filter(
        Boolean,
      );
    },
    partialName: (key) => `.${key}.0a1b2c3d.partial`,
    async putForeign(name) {
      const { path } = await bodyIn(root, "foreign");
      await rclone("copyto", path, `testing:${bucket}/backups/stack/${name}`);
    },
    killSender: () => programs.kill("rclone"),
    async overtake(key, content, body) {
      const rival = await bodyIn(root, content);
      const variables = Object.entries(server.rcloneEnvironment).map(([name, value]) => `${name}='${value}'`);
      const line = `env ${variables.join(" ")} rclone copyto '${rival.path}' 'testing:${bucket}/backups/stack/${key}'`;
      await programs.before("rclone", "copyto", line);
      return body;
    },
    many: 6,
  };
});

describe("an S3 target", { timeout: 300_000 }, () => {
  it("is named after bucket and path", () => {
    assert.equal(openS3Target(optionsFor("my-bucket"), tools).name, "s3:my-bucket/backups/stack");
    assert.equal(openS3Target(optionsFor("my-bucket", { path: "/" }), tools).name, "s3:my-bucket");
  });

  it("works at the top of a bucket", async () => {
    const target = openS3Target(optionsFor(await server.makeBucket(), { path: "" }), tools);
    assert.deepEqual(await target.list(never), []);
    await target.put("key", await bodyIn(root, "x"), never);
    assert.deepEqual(await target.list(never), [{ key: "key", sizeBytes: 1 }]);
    await target.remove(["key"], never);
    await target.sweep(anyKey, never);
  });

  it("large objects go up in parts", async () => {
    const bucket = await server.makeBucket();
    await openS3Target(optionsFor(bucket), tools).put("key", await bodyIn(root, randomBytes(12_000_000)), never);
    const listed = await run("rclone", ["lsjson", "--hash", "--metadata", `testing:${bucket}/backups/stack/`], {
      env: server.rcloneEnvironment,
    });
    // The digest that S3 gives of an object in parts is none of its bytes, so rclone shows none.
    assert.ok(!/"md5":"[0-9a-f]/i.test(listed), listed);
  });

  it("a bucket that is missing is named for listing, storing and removing alike, and is not made", async () => {
    const target = openS3Target(optionsFor("no-such-bucket"), tools);
    const body = await bodyIn(root, "x");
    for (const call of [
      () => target.list(never),
      () => target.put("key", body, never),
      () => target.remove(["key"], never),
      () => target.sweep(anyKey, never),
    ]) {
      const failure = await failureOf(call());
      assert.match(failure.message, /on 's3:no-such-bucket\/backups\/stack': the bucket does not exist/);
      assert.match(hintOf(failure)!, /Make the bucket/);
      assert.ok(!isTransient(failure));
    }
  });

  it("a wrong secret and an unknown key are told apart, are not retried, and are in no argument or error", async () => {
    const bucket = await server.makeBucket();
    const canary = `canary-${randomBytes(8).toString("hex")}`;
    const wrong = openS3Target(optionsFor(bucket, { secretAccessKey: new Secret(canary) }), tools);
    const body = await bodyIn(root, "x");
    const first = await failureOf(wrong.put("key", body, never));
    assert.match(first.message, /cannot .* on 's3:test-.*': the secret key or the region is wrong/);
    const unknown = optionsFor(bucket, { accessKeyId: plain("nobody"), secretAccessKey: new Secret(canary) });
    const second = await failureOf(openS3Target(unknown, tools).list(never));
    assert.match(second.message, /the access key is not known there/);
    const texts = [first, second].flatMap((failure) => [describeError(failure), hintOf(failure)!, failure.stack!]);
    assert.ok(!isTransient(first) && !isTransient(second));
    await assertSecretsKept(programs, [canary, server.secretKey], texts);
  });

  it("without keys those of ~/.aws/credentials are used, and no variables of AWS", async (t) => {
    const bucket = await server.makeBucket();
    const { accessKeyId: _, secretAccessKey: __, ...keyless } = optionsFor(bucket);
    const before = { ...process.env };
    t.after(() => void (process.env = before));
    process.env["HOME"] = root;
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "nobody", AWS_SECRET_ACCESS_KEY: "nothing" });
    await mkdir(join(root, ".aws"));
    const file = `[default]\naws_access_key_id = ${server.accessKey}\naws_secret_access_key = ${server.secretKey}\n`;
    await writeFile(join(root, ".aws", "credentials"), file);
    const target = openS3Target(keyless, tools);
    await target.put("key", await bodyIn(root, "x"), never);
    assert.deepEqual(await target.list(never), [{ key: "key", sizeBytes: 1 }]);
  });

  it("an endpoint that refuses connections is tried as often as asked, each time in the log, and then given up", async () => {
    const said: string[] = [];
    const log: Log = { ...tools.log, warn: (message, fields) => void said.push(`${message} ${fields?.["attempt"]}`) };
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const clock = { ...tools.clock, sleep: async () => {} };
    const target = retrying(openS3Target(optionsFor("bucket", { endpoint }), tools), { attempts: 3, clock, log });
    const failure = await failureOf(target.digest("key", never));
    assert.match(describeError(failure), /on 's3:bucket.*': it cannot be reached \(tried 3 times\): /);
    assert.match(hintOf(failure)!, /Is the server up/);
    assert.deepEqual(said, ["target failed, trying again 1", "target failed, trying again 2"]);
  });

  const page = "<html><head><title>Console</title></head><body><p>Sign in</p></body></html>";
  const strangers: Readonly<Record<string, RequestListener>> = {
    "answers everything with a page": (_, answer) => void answer.end(page),
    "sends everybody to a page": (asked, answer) => {
      if (asked.url === "/login") answer.end(page);
      else answer.writeHead(302, { location: "/login" }).end();
    },
    "answers everything with nothing": (_, answer) => void answer.writeHead(204).end(),
    "answers with a page that is no XML": (_, answer) => void answer.end("<!doctype html><html><p>one<br></html>"),
    "knows no such method": (_, answer) => void answer.writeHead(405).end("no"),
  };
  for (const [does, listener] of Object.entries(strangers)) {
    it(`a web server that ${does} is not taken for an empty bucket`, async () => {
      await using server = await serving(listener);
      const target = openS3Target(optionsFor("bucket", { endpoint: server.url }), tools);
      const body = await bodyIn(root, "x");
      for (const call of [() => target.check(never), () => target.put("key", body, never)]) {
        const failure = await failureOf(call());
        assert.match(failure.message, /on 's3:bucket\/backups\/stack': what answers there does not speak S3$/);
        assert.match(hintOf(failure)!, /Give the endpoint of the server's S3 API/);
        assert.ok(!isTransient(failure));
      }
    });
  }

  it("a web server that finds nothing, and one without TLS, are met with words about the endpoint", async () => {
    await using server = await serving((_, answer) => void answer.writeHead(404).end("404 page not found"));
    const notFound = openS3Target(optionsFor("bucket", { endpoint: server.url }), tools);
    assert.match(hintOf(await failureOf(notFound.check(never)))!, /a web server that is not S3 says the same/);
    const tls = openS3Target(optionsFor("bucket", { endpoint: server.url.replace("http:", "https:") }), tools);
    const failure = await failureOf(tls.check(never));
    assert.match(failure.message, /it speaks http, not https$/);
    assert.match(hintOf(failure)!, /AWS_ENDPOINT_PROTO=http/);
  });

  it("a server that accepts and then says nothing is given up after the stall time", async () => {
    const silent = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const target = openS3Target(optionsFor("bucket", { endpoint }), { ...tools, stallTimeoutMs: 1000 });
    try {
      const failure = await failureOf(target.put("key", await bodyIn(root, "x"), never));
      assert.match(failure.message, /'s3:bucket\/backups\/stack' moved nothing for 1 s/);
      assert.ok(isTransient(failure));
    } finally {
      silent.close();
    }
  });

  it("a proxy that changes Accept-Encoding is no hindrance to the image's rclone", async (t) => {
    const path = process.env["PATH"]!;
    t.after(() => void (process.env["PATH"] = path));
    process.env["PATH"] = `${await folderOfImagesRclone()}${delimiter}${path}`;
    const [host, port] = server.endpoint.split(":") as [string, string];
    const proxy = createHttpServer((asked, answer) => {
      const headers = { ...asked.headers, "accept-encoding": "gzip, br" };
      const onward = request({ host, port, method: asked.method, path: asked.url, headers }, (got) => {
        answer.writeHead(got.statusCode!, got.headers);
        got.pipe(answer);
      });
      onward.on("error", () => answer.destroy());
      asked.pipe(onward);
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      const target = openS3Target(optionsFor(await server.makeBucket(), { endpoint }), tools);
      const body = await bodyIn(root, "sealed");
      await target.put("key", body, never);
      assert.equal((await target.digest("key", never)).sha256, body.sha256);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it("a bucket may be named as they were in S3's first years", () => {
    assert.equal(openS3Target(optionsFor("My_Bucket", { path: "" }), tools).name, "s3:My_Bucket");
  });

  it("settings that name no bucket are refused", () => {
    for (const bucket of ["s3://bucket", "bucket/path", "b", ".bucket", ""]) {
      assert.throws(() => openS3Target(optionsFor(bucket), tools), /is not the name of a bucket/);
    }
  });

  it("an object that changed at rest is found by its digest", async () => {
    const bucket = await server.makeBucket();
    const target = openS3Target(optionsFor(bucket), tools);
    const body = await bodyIn(root, "sealed");
    await target.put("key", body, never);
    const other = await bodyIn(root, "forged");
    await run("rclone", ["copyto", other.path, `testing:${bucket}/backups/stack/key`], {
      env: server.rcloneEnvironment,
    });
    assert.equal((await target.digest("key", never)).sha256, other.sha256);
    await target.fetch("key", join(root, "fetched"), never);
  });
});
