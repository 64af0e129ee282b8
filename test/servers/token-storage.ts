import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An empty cloud storage that hands out a new token at each renewal: as much of HiDrive as rclone asks for. */
export interface TokenStorage extends AsyncDisposable {
  /** rclone's configuration of a remote `cloud`, whose token has to be renewed by the next call. */
  readonly configuration: string;
}

export async function startTokenStorage(): Promise<TokenStorage> {
  let renewals = 0;
  const server = createServer((request, response) => {
    request.resume();
    const isTop = request.url?.startsWith("/api/meta") && /path=%2F(&|$)/.test(request.url);
    const answer = request.url?.startsWith("/token")
      ? { access_token: `a${++renewals}`, refresh_token: `r${renewals}`, token_type: "Bearer", expires_in: 3600 }
      : isTop
        ? { type: "dir", name: "", path: "/" }
        : { code: "404", msg: "Not Found" };
    response.writeHead("code" in answer ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const token = { access_token: "a0", refresh_token: "r0", token_type: "Bearer", expiry: "2020-01-01T00:00:00Z" };
  return {
    configuration: `[cloud]
type = hidrive
client_id = lifeboat
client_secret = test
token_url = ${place}/token
endpoint = ${place}/api
token = ${JSON.stringify(token)}
`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
