import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { checkoutId, removalLabel } from "./checkout.ts";
import { docker, run } from "./programs.ts";

/** A real S3 server (one-node Ceph with its RADOS gateway), path-style addresses only. */
export interface S3Server {
  /** "127.0.0.1:PORT", as AWS_ENDPOINT takes it. */
  readonly endpoint: string;
  readonly proto: "http";
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  /** Its container: on a network connected to it, the server is `container`:8080. */
  readonly container: string;
  /** The environment under which rclone knows the server as the remote `testing:`. */
  readonly rcloneEnvironment: Readonly<Record<string, string>>;
  /** Makes a new, empty bucket and gives its name. */
  makeBucket(): Promise<string>;
}

const IMAGE = "standin/s3:sid";
const ACCESS_KEY = "testkey";
const SECRET_KEY = "testsecret";

/**
 * Gives the server, starting it when it does not run yet. All test files of a checkout share one, because it takes
 * 15 s and 200 MB to start; `npm test` removes it at the end. Keep to buckets of your own.
 * Resolves once it answers requests; rejects after 120 s.
 */
export async function sharedS3Server(): Promise<S3Server> {
  const deadline = performance.now() + 120_000;
  const container = `lifeboat-test-s3-${checkoutId}`;
  let endpoint = await publishedAddress(container);
  while (endpoint === undefined || !(await answers(endpoint))) {
    if (performance.now() > deadline) {
      throw new Error(`the S3 server did not answer within 120 s:\n${await docker("logs", "--tail", "20", container)}`);
    }
    if (endpoint === undefined) await startContainer(container);
    await delay(200);
    endpoint = await publishedAddress(container);
  }
  const rcloneEnvironment = remoteEnvironment(endpoint);
  return {
    endpoint,
    proto: "http",
    accessKey: ACCESS_KEY,
    secretKey: SECRET_KEY,
    region: "us-east-1",
    container,
    rcloneEnvironment,
    async makeBucket() {
      const bucket = `test-${randomBytes(6).toString("hex")}`;
      await run("rclone", ["mkdir", `testing:${bucket}`], { env: rcloneEnvironment });
      return bucket;
    },
  };
}

/** Starts the container, unless another test file has just done so: the engine gives a name only once. */
async function startContainer(container: string): Promise<void> {
  try {
    // A stopped one is left over from a killed run.
    await docker("container", "rm", "--volumes", container).catch(() => "");
    await docker(
      ...["run", "--detach", "--name", container, "--label", removalLabel],
      ...["--publish", "127.0.0.1::8080", "--volume", "/var/lib/ceph", "--stop-timeout", "30"],
      ...["--env", `S3_ACCESS_KEY=${ACCESS_KEY}`, "--env", `S3_SECRET_KEY=${SECRET_KEY}`, IMAGE],
    );
  } catch (error) {
    if (!String(error).includes("is already in use")) throw error;
  }
}

/** The container's address on this machine; undefined while it does not run. */
async function publishedAddress(container: string): Promise<string | undefined> {
  try {
    return (await docker("port", container, "8080/tcp")).split("\n")[0] || undefined;
  } catch {
    return undefined; // No such container, or it is not running: the caller starts it.
  }
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    await fetch(`http://${endpoint}/`, { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false; // Not yet; the caller's deadline decides when that is an error.
  }
}

function remoteEnvironment(endpoint: string): Record<string, string> {
  return {
    RCLONE_CONFIG: "/dev/null",
    // Set on machines behind an intercepting proxy; rclone cannot use it and ends with an error.
    AWS_CA_BUNDLE: "",
    RCLONE_CONFIG_TESTING_TYPE: "s3",
    RCLONE_CONFIG_TESTING_PROVIDER: "Ceph",
    RCLONE_CONFIG_TESTING_ENDPOINT: `http://${endpoint}`,
    RCLONE_CONFIG_TESTING_ACCESS_KEY_ID: ACCESS_KEY,
    RCLONE_CONFIG_TESTING_SECRET_ACCESS_KEY: SECRET_KEY,
    RCLONE_CONFIG_TESTING_REGION: "us-east-1",
  };
}
