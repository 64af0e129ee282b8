import { LifeboatError } from "../errors.ts";
import { Secret } from "../system/secret.ts";
import { openRcloneTarget, type RcloneTools } from "./rclone.ts";
import type { Target } from "./target.ts";

export interface S3Options {
  readonly bucket: string;
  /** Below the bucket; "" for its top. */
  readonly path: string;
  /** With protocol, "https://s3.example.com"; undefined for AWS itself. */
  readonly endpoint?: string;
  readonly region: string;
  /** Without keys, those of ~/.aws/credentials, else of the EC2 instance's role: rclone is given no variables of AWS. */
  readonly accessKeyId?: Secret;
  readonly secretAccessKey?: Secret;
  readonly storageClass?: string;
}

export interface S3Tools extends RcloneTools {
  /** More RCLONE_* variables, for tuning (RCLONE_S3_CHUNK_SIZE, RCLONE_BWLIMIT, RCLONE_CA_CERT). */
  readonly env?: Readonly<Record<string, Secret>>;
}

/** An S3 bucket, which must exist. Objects above 200 MiB go up in parts; each appears when it is whole. */
export function openS3Target(options: S3Options, tools: S3Tools): Target {
  // Buckets of the first years have capitals and underscores, and longer names.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$/.test(options.bucket)) {
    throw new LifeboatError("settings", `'${options.bucket}' is not the name of a bucket`, {
      hint: "Give the name alone, without 's3://' and without a path.",
    });
  }
  const path = options.path.replace(/^\/+|\/+$/g, "");
  const place = path ? `${options.bucket}/${path}` : options.bucket;
  const env = { ...tools.env, ...remoteOf(options) };
  return openRcloneTarget({ name: `s3:${place}`, destination: `lifeboat:${place}`, env, isS3: true }, tools);
}

/** The remote "lifeboat", as rclone reads it from the environment. */
function remoteOf(options: S3Options): Record<string, Secret> {
  const settings: Record<string, string | Secret | undefined> = {
    TYPE: "s3",
    PROVIDER: options.endpoint ? "Other" : "AWS",
    ENDPOINT: options.endpoint,
    REGION: options.region,
    ACCESS_KEY_ID: options.accessKeyId,
    SECRET_ACCESS_KEY: options.secretAccessKey,
    ENV_AUTH: options.accessKeyId ? "false" : "true",
    STORAGE_CLASS: options.storageClass,
    // A key that may only write objects must not be asked to make the bucket.
    NO_CHECK_BUCKET: "true",
    // Every server understands it; names of hosts per bucket need DNS and certificates of their own.
    FORCE_PATH_STYLE: options.endpoint ? "true" : "false",
    // A proxy in between may change the header Accept-Encoding (Cloudflare, Google), and a signature of it with that.
    SIGN_ACCEPT_ENCODING: "false",
    // It would read the whole file once more before the first byte is sent; the bytes are proven by reading them back.
    DISABLE_CHECKSUM: "true",
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(
    given.map(([name, value]) => [
      `RCLONE_CONFIG_LIFEBOAT_${name}`,
      value instanceof Secret ? value : new Secret(value!, { redacted: false }),
    ]),
  );
}
