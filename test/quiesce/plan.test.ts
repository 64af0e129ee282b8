import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "../../src/quiesce/container.ts";
import { defaultLimits } from "../../src/quiesce/limits.ts";
import { planHold } from "../../src/quiesce/plan.ts";
import { container, survey } from "./made-up.ts";

const settings = { limits: defaultLimits, sourcesFolder: "/backup", engineHost: "unix:///var/run/docker.sock" };
const stop = { labels: { "lifeboat.hold": "stop" } };
const pause = { labels: { "lifeboat.hold": "pause" } };
const acts = (...all: Container[]) =>
  planHold(survey(all), settings).holds.map(({ container: c, act }) => `${act} ${c.name}`);

test("nothing is held that nobody labelled", () => {
  assert.deepEqual(acts(container("a"), container("b", {}, ["a"])), []);
});

test("the stop timeout is the label's, else the container's own, else 30 s", () => {
  const plan = planHold(
    survey([
      container("a", { labels: { ...stop.labels, "lifeboat.hold.timeout": "7s" }, stopTimeoutMs: 60_000 }),
      container("b", { ...stop, stopTimeoutMs: 60_000 }),
      container("c", stop),
    ]),
    settings,
  );
  assert.deepEqual(
    plan.holds.map((hold) => hold.timeoutMs).sort((x, y) => x - y),
    [7000, 30_000, 60_000],
  );
});

test("inhabitants of inhabitants are stopped too, one labelled pause among them, but not those that are down", () => {
  const all = [
    container("host", stop),
    container("in", { ...pause, livesIn: ["host"] }),
    container("inner", { livesIn: ["in"] }),
    container("off", { livesIn: ["host"], state: "stopped" }),
  ];
  assert.deepEqual(acts(...all), ["stop inner", "stop in", "stop host"]);
});

test("an inhabitant of a paused container is left alone", () => {
  assert.deepEqual(acts(container("host", pause), container("in", { livesIn: ["host"] })), ["pause host"]);
});

test("a paused inhabitant of a stopped container is a warning", () => {
  const all = [container("host", stop), container("in", { livesIn: ["host"], state: "paused" })];
  assert.match(planHold(survey(all), settings).warnings.join(), /'in' is paused in a namespace of 'host'/);
});

test("a circle among held containers is a warning, another one is not", () => {
  const warnings = (more: Partial<Container>) =>
    planHold(survey([container("a", more, ["b"]), container("b", {}, ["a"])]), settings).warnings.join();
  assert.match(warnings(stop), /in a circle, taken by name: a -> b -> a/);
  assert.equal(warnings({}), "");
});

for (const [what, one, message] of [
  ["that would vanish", container("a", { ...stop, autoRemove: true }), /'a' would vanish .* use lifeboat.hold=pause/],
  [
    "of a swarm service",
    container("a", { labels: { ...stop.labels, "com.docker.swarm.task.id": "t" } }),
    /'a' belongs to a swarm service/,
  ],
  [
    "that is the way to the engine",
    container("a", { ...pause, aliases: ["docker-proxy"] }),
    /'a' is the way to the engine/,
  ],
] as const) {
  test(`a container ${what} is refused`, () => {
    const proxied = { ...settings, engineHost: "tcp://docker-proxy:2375" };
    assert.throws(() => planHold(survey([one]), proxied), { kind: "settings", message });
  });
}

test("stopping the container in whose network lifeboat itself lives is refused", () => {
  const own = container("lifeboat", { livesIn: ["host"] });
  assert.throws(() => planHold(survey([container("host", stop), own], own), settings), /lifeboat itself lives in/);
  assert.deepEqual(planHold(survey([container("host", pause), own], own), settings).holds.length, 1);
});

test("a path to wait for is below the sources folder unless it is absolute", () => {
  const waiting = (path: string) =>
    planHold(
      survey([container("a", { labels: { "lifeboat.before.signal": "HUP", "lifeboat.before.wait-for": path } })]),
      settings,
    ).hooks[0]?.signal?.waitFor;
  assert.deepEqual([waiting("x/db"), waiting("/other/db")], ["/backup/x/db", "/other/db"]);
});
