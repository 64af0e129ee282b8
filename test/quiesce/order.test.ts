import assert from "node:assert/strict";
import { test } from "node:test";
import { orderOf } from "../../src/quiesce/order.ts";
import { container } from "./made-up.ts";

const startOrder = (...containers: Parameters<typeof orderOf>[0]) =>
  orderOf(containers).startOrder.map((one) => one.name);

test("dependencies start first, and equals by name, in whatever order they are listed", () => {
  const irc = [
    container("webpanel", {}, ["atheme", "unrealircd"]),
    container("atheme", { livesIn: ["unrealircd"] }),
    container("unrealircd"),
    container("bot", {}, ["unrealircd"]),
  ];
  assert.deepEqual(startOrder(...irc), ["unrealircd", "atheme", "bot", "webpanel"]);
  assert.deepEqual(startOrder(...irc.toReversed()), ["unrealircd", "atheme", "bot", "webpanel"]);
});

test("links, volumes and namespaces count as dependencies", () => {
  assert.deepEqual(startOrder(container("a", { leansOn: ["z"] }), container("z")), ["z", "a"]);
  const id = "f".repeat(64);
  assert.deepEqual(startOrder(container("a", { livesIn: [id.slice(0, 12)] }), container("z", { id })), ["z", "a"]);
});

test("depends_on means services of the same project only", () => {
  const foreign = container("z", { labels: { "com.docker.compose.project": "other" } });
  assert.deepEqual(startOrder(container("a", {}, ["z"]), foreign), ["a", "z"]);
});

test("dependencies through others are known", () => {
  const { dependencies } = orderOf([container("a", {}, ["b"]), container("b", {}, ["c"]), container("c")]);
  assert.deepEqual([...(dependencies.get("a") ?? [])].sort(), ["b", "c"]);
});

test("a circle is named and cut by name; what hangs on it still comes after", () => {
  const order = orderOf([
    container("aa", {}, ["c"]),
    container("b", {}, ["c"]),
    container("c", {}, ["d"]),
    container("d", {}, ["b"]),
    container("self", {}, ["self"]),
  ]);
  assert.deepEqual(
    order.startOrder.map((one) => one.name),
    ["self", "b", "d", "c", "aa"],
  );
  assert.deepEqual(order.cycles.length, 1);
  assert.deepEqual([...(order.cycles[0] ?? [])].sort(), ["b", "c", "d"]);
});
