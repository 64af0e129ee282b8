import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { writeFile } from "node:fs/promises";
import { ownIdCandidates } from "../../src/quiesce/own-container.ts";
import { enginePlace } from "./engine-proxy.ts";
import { makeStack, type Stack } from "./stack.ts";

const run = promisify(execFile);
const repository = join(import.meta.dirname, "../..");

test("the own id is read from cgroup v1, from Docker's and Podman's mounts, and from the host name", () => {
  const id = "810eccf54b73676c7feaf326832943b0f6343f069bdf58bc62772a0da8219d3f";
  const nothing = { mountinfo: "22 27 0:21 / /proc rw - proc proc rw\n", cgroup: "0::/\n", hostname: "backup" };
  const mount = (root: string) => `130 112 254:0 ${root} /etc/hostname rw,relatime - ext4 /dev/vda rw\n`;
  const candidates = [
    { ...nothing, cgroup: `9:name=systemd:/docker/${id}\n8:pids:/docker/${id}\n` },
    { ...nothing, cgroup: `0::/system.slice/docker-${id}.scope\n` },
    { ...nothing, mountinfo: mount(`/var/lib/docker/containers/${id}/hostname`) },
    { ...nothing, mountinfo: mount(`/storage/overlay-containers/${id}/userdata/hostname`) },
    { ...nothing, hostname: id.slice(0, 12) },
  ].map(ownIdCandidates);
  assert.deepEqual(candidates, [[id], [id], [id], [id], [id.slice(0, 12)]]);
  assert.deepEqual(ownIdCandidates(nothing), []);
});

/** A compose project of a labelled service and a sidecar that holds and releases it; gives what that printed. */
async function composeRun(stack: Stack, sidecar: object, others: object): Promise<Record<string, string[]>> {
  const place = enginePlace();
  if (!("path" in place)) throw new Error("these tests mount the engine's socket");
  const file = {
    name: stack.project,
    services: {
      ...others,
      lifeboat: {
        image: "node:26-trixie-slim",
        command: ["node", "/lifeboat/test/quiesce/holder-inside.ts"],
        labels: { "lb-q": stack.project, "lifeboat.hold": "stop" },
        volumes: [`${repository}:/lifeboat:ro`, `${place.path}:/var/run/docker.sock`],
        ...sidecar,
      },
    },
  };
  const path = join(stack.folder, "compose.json");
  await writeFile(path, JSON.stringify(file));
  await run("docker", ["compose", "-f", path, "up", "--detach", "--quiet-pull"]);
  try {
    await run("docker", ["wait", stack.nameOf("lifeboat")], { timeout: 60_000 });
    const { stdout, stderr } = await run("docker", ["logs", stack.nameOf("lifeboat")]);
    assert.equal(stderr, "");
    return JSON.parse(stdout) as Record<string, string[]>;
  } finally {
    await run("docker", ["compose", "-f", path, "down", "--timeout", "1", "--volumes"]);
  }
}

const service = (stack: Stack, more: object = {}) => ({
  image: "debian:trixie-slim",
  init: true,
  command: ["sleep", "1000"],
  network_mode: "none",
  labels: { "lb-q": stack.project, "lifeboat.hold": "stop" },
  ...more,
});

test("in compose the own project is found whatever the host name is, and never holds itself", async (t) => {
  const [stack, other] = [await makeStack(t), await makeStack(t)];
  await other.add("db", "sleep 1000", { "lifeboat.hold": "stop" });
  const services = {
    db: service(stack),
    web: service(stack, { depends_on: { db: { condition: "service_started" } } }),
  };
  const said = await composeRun(stack, { hostname: "backup", network_mode: "none" }, services);
  assert.deepEqual(said["held"], [stack.nameOf("web"), stack.nameOf("db")]);
  assert.deepEqual(said["failures"], []);
  assert.match(said["warnings"]?.join() ?? "", /own container '.*lifeboat-1' have no effect/);
  assert.deepEqual(await other.status("db"), ["running"]);
});

test("a sidecar in another service's network knows which of the two it is, and will not have that one stopped", async (t) => {
  const stack = await makeStack(t);
  // With a control group namespace of its own, as is usual with cgroup v2, only the mounts tell.
  const sidecar = { network_mode: "service:db", cgroup: "private", labels: { "lb-q": stack.project } };
  const said = await composeRun(stack, sidecar, { db: service(stack, { network_mode: "bridge" }) });
  assert.match(
    said["error"]?.join() ?? "",
    /lifeboat itself lives in a namespace of a container that would be stopped/,
  );
});
