import { createServer, request, type ServerResponse } from "node:http";
import { once } from "node:events";
import { connect, createServer as createSocketServer, type Socket } from "node:net";
import { rm } from "node:fs/promises";
import type { TestContext } from "node:test";
import { engineHost } from "./stack.ts";

/** Where the real engine is, as node:net and node:http want it. */
export function enginePlace(): { path: string } | { host: string; port: number } {
  const url = new URL(engineHost);
  return url.protocol === "unix:" ? { path: url.pathname } : { host: url.hostname, port: Number(url.port) };
}

export interface CuttableEngine {
  /** As the engine's own death: connections break, and the socket is gone. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** A socket at `path` that leads to the real engine until it is cut. */
export async function cuttableEngine(t: TestContext, path: string): Promise<CuttableEngine> {
  const open = new Set<Socket>();
  const server = createSocketServer((near) => {
    const far = connect(enginePlace());
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => (open.delete(socket), near.destroy(), far.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  const cut = async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
    await rm(path, { force: true });
  };
  const mend = async () => {
    server.listen(path);
    await once(server, "listening");
  };
  await mend();
  t.after(() => (server.listening ? cut() : undefined));
  return { cut, mend };
}

/** A socket proxy at `path` that answers 403 to calls that match `forbidden` ("POST /containers/x/stop"). */
export async function filteringEngine(t: TestContext, path: string, forbidden: RegExp): Promise<void> {
  await engineBehind(t, path, forbidden, (answer) => {
    answer.writeHead(403, { "content-type": "text/html" }).end("<html><body><h1>403 Forbidden</h1></body></html>");
  });
}

/** A socket at `path` that leads to the real engine, but for calls that match `own`: those are answered by `reply`. */
export async function engineBehind(
  t: TestContext,
  path: string,
  own: RegExp,
  reply: (answer: ServerResponse) => void,
): Promise<void> {
  const place = enginePlace();
  const server = createServer((asked, answer) => {
    if (own.test(`${asked.method} ${asked.url}`)) {
      reply(answer);
      return;
    }
    const target = "path" in place ? { socketPath: place.path } : place;
    const passed = request({ ...target, method: asked.method, path: asked.url, headers: asked.headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  server.listen(path);
  await once(server, "listening");
  t.after(() => server.close());
}
