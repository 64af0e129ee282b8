import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/system/clock.ts";
import { connectDocker, DockerError, isEngineGone, whileEngineGone } from "../../src/system/docker.ts";

const engineHost = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
const never = new AbortController().signal;

test("the engine answers", async () => {
  await connectDocker(engineHost).ping(never);
});

test("the address given is used, whatever the environment says", async () => {
  const saved = process.env["DOCKER_HOST"];
  process.env["DOCKER_HOST"] = "tcp://127.0.0.1:1";
  try {
    await connectDocker(engineHost).ping(never);
  } finally {
    if (saved === undefined) delete process.env["DOCKER_HOST"];
    else process.env["DOCKER_HOST"] = saved;
  }
});

test("an address of another kind is an error of the settings", () => {
  for (const host of ["ssh://user:secret@host", "npipe:////./pipe/docker_engine", "unix://", "tcp://host", "docker"]) {
    assert.throws(
      () => connectDocker(host),
      (error: Error & { kind: string }) => {
        assert.equal(error.kind, "settings");
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  }
});

test("no socket, and nobody listening, are errors that say what to do and may pass", async () => {
  for (const [host, hint] of [
    ["unix:///nowhere/docker.sock", /Mount the engine's socket.*:\/nowhere\/docker.sock/],
    ["tcp://127.0.0.1:1", /Check DOCKER_HOST/],
  ] as const) {
    await assert.rejects(connectDocker(host).ping(never), (error: DockerError) => {
      assert.ok(isEngineGone(error));
      assert.ok(error.message.includes(`'${host}'`));
      assert.match(error.hint ?? "", hint);
      return true;
    });
  }
});

test("an answer of the engine is no absence of it", async () => {
  const looking = connectDocker(engineHost).call("look", 5000, (docker) =>
    docker.getContainer("no-such-one").inspect(),
  );
  await assert.rejects(looking, (error: DockerError) => {
    assert.equal(error.statusCode, 404);
    assert.match(
      error.message,
      /^cannot look: the Docker engine at '.*' says: No such container: no-such-one \(404\)$/,
    );
    return !isEngineGone(error);
  });
});

test("an engine that takes the call and never answers, or breaks off half way, is given up at the deadline", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lb-docker-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "docker.sock");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", () => socket.destroy()),
    );
  });
  const mute = createServer(() => {});
  server.listen(path);
  mute.listen(`${path}2`);
  await Promise.all([once(server, "listening"), once(mute, "listening")]);
  t.after(() => (server.close(), mute.close()));
  for (const socket of [path, `${path}2`]) {
    const asking = connectDocker(`unix://${socket}`).call("ask", 200, (docker, abortSignal) =>
      docker.listContainers({ abortSignal }),
    );
    await assert.rejects(asking, (error) => isEngineGone(error));
  }
});

test("a socket that may not be opened is told as that", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lb-docker-"));
  const server = createServer().listen(join(folder, "docker.sock"));
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  await once(server, "listening");
  await chmod(folder, 0);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.("nobody");
  try {
    const pinging = connectDocker(`unix://${folder}/docker.sock`).ping(never);
    await assert.rejects(pinging, { message: /not allowed to open/ });
  } finally {
    if (isRoot) process.seteuid?.(0);
    await chmod(folder, 0o700);
  }
});

test("an aborted call rejects with the signal's reason", async () => {
  const reason = new Error("told to end");
  await assert.rejects(connectDocker(engineHost).ping(AbortSignal.abort(reason)), reason);
});

test("an attempt is repeated only while the engine is gone, and not for ever", async () => {
  const gone = new DockerError("gone", undefined, {});
  let attempts = 0;
  const twice = () => (++attempts < 2 ? Promise.reject(gone) : Promise.resolve("there"));
  assert.equal(await whileEngineGone(twice, 5000, systemClock), "there");
  await assert.rejects(
    whileEngineGone(() => Promise.reject(gone), 300, systemClock),
    gone,
  );
  const refused = new DockerError("no", 500, {});
  attempts = 0;
  await assert.rejects(
    whileEngineGone(() => (attempts++, Promise.reject(refused)), 5000, systemClock),
    refused,
  );
  assert.equal(attempts, 1);
});
