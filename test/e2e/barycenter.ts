import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { until } from "../until.ts";
import type { Stack } from "./stack.ts";

/** What clients see of a Barycenter in a stack. */
export interface Barycenter {
  /** Registers a client and gives its id. */
  register(): Promise<string>;
  knows(clientId: string): Promise<boolean>;
  jwks(): Promise<unknown>;
  issuer(): Promise<string>;
}

/** Resolves once the stack's `barycenter` answers; rejects after 60 s. */
export async function reachBarycenter(stack: Stack): Promise<Barycenter> {
  const address = (await stack.sh("docker compose port barycenter 8080")).trim();
  const get = (path: string) =>
    fetch(`http://${address}${path}`, { redirect: "manual", signal: AbortSignal.timeout(5000) });
  await until(
    "Barycenter answers",
    async () => {
      try {
        return (await get("/.well-known/openid-configuration")).ok;
      } catch {
        return false; // Not yet; `until` tells when that is an error.
      }
    },
    60_000,
  );
  return {
    async register() {
      const response = await fetch(`http://${address}/connect/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ client_name: randomBytes(4).toString("hex"), redirect_uris: [CALLBACK] }),
      });
      assert.equal(response.status, 201);
      return ((await response.json()) as { client_id: string }).client_id;
    },
    async knows(clientId) {
      const query = new URLSearchParams({
        client_id: clientId,
        redirect_uri: CALLBACK,
        response_type: "code",
        scope: "openid",
      });
      const response = await get(`/authorize?${query}`);
      return !`${response.headers.get("location")} ${await response.text()}`.includes("unauthorized_client");
    },
    jwks: async () => await (await get("/.well-known/jwks.json")).json(),
    issuer: async () => ((await (await get("/.well-known/openid-configuration")).json()) as { issuer: string }).issuer,
  };
}

const CALLBACK = "https://app.example.test/callback";
