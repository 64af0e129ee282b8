import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { docker, run } from "../servers/programs.ts";
import { sharedS3Server } from "../servers/s3.ts";
import type { Stack } from "../e2e/stack.ts";

/** Lets the stack reach a machine called nas.example.com, which takes the user `backup` with the keys it is told. */
export async function addNas(stack: Stack): Promise<void> {
  await mkdir(join(stack.folder, "keys-of-nas"));
  await stack.addComposeFile(`
services:
  nas:
    image: standin/ssh
    networks: { default: { aliases: [nas.example.com] } }
    volumes: ["./keys-of-nas:/keys:ro"]
`);
  await stack.sh("docker compose up -d nas");
}

/** Makes `line` the only one in authorized_keys there. The key that the page made stands for the one in `line`. */
export async function allowOnNas(stack: Stack, line: string): Promise<void> {
  const key = await readFile(join(stack.folder, "nas_key.pub"), "utf8");
  await writeFile(
    join(stack.folder, "keys-of-nas", "authorized_keys"),
    line.replace(/ssh-ed25519 \S+ lifeboat/, key.trim()),
  );
}

/** Lets the stack reach an S3 server called s3.example.com with an empty bucket `my-backups`, and writes its keys down. */
export async function addS3(stack: Stack): Promise<AsyncDisposable> {
  const s3 = await sharedS3Server();
  const rclone = (...args: string[]) => run("rclone", args, { env: s3.rcloneEnvironment });
  // Left from an earlier run of this test; otherwise there is none.
  await rclone("purge", "testing:my-backups").catch(() => "");
  await rclone("mkdir", "testing:my-backups");
  await writeFile(join(stack.folder, "s3_access_key.txt"), `${s3.accessKey}\n`);
  await writeFile(join(stack.folder, "s3_secret_key.txt"), `${s3.secretKey}\n`);
  await stack.sh("docker compose up -d");
  const format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}";
  const network = await stack.sh(`docker inspect --format '${format}' $(docker compose ps -q backup)`);
  await docker("network", "connect", "--alias", "s3.example.com", network.trim(), s3.container);
  return {
    async [Symbol.asyncDispose]() {
      await docker("network", "disconnect", "--force", network.trim(), s3.container);
    },
  };
}

/** The server of `addS3` speaks no TLS, and on another port than the page's. */
export const addressOfS3 = `
services:
  backup:
    environment:
      AWS_ENDPOINT: s3.example.com:8080
      AWS_ENDPOINT_PROTO: http
`;
