import type { TargetConfig } from "./config.ts";
import { refuseUseless, type Findings } from "./findings.ts";

/** The S3 target, if a bucket is named. */
export function readS3(findings: Findings): TargetConfig[] {
  const { values, isGiven, complain } = findings;
  if (!isGiven("AWS_S3_BUCKET_NAME")) {
    refuseUseless(findings, OTHERS, "without AWS_S3_BUCKET_NAME", "AWS_S3_BUCKET_NAME as well, or without it");
    return [];
  }
  const [id, secret] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;
  if (isGiven(id) !== isGiven(secret)) {
    complain(isGiven(id) ? secret : id, `is not set, but ${isGiven(id) ? id : secret} is`, "both of them, or neither");
  }
  const path = readPath(findings);
  const endpoint = readEndpoint(findings);
  return [
    {
      kind: "s3",
      bucket: values.AWS_S3_BUCKET_NAME ?? "",
      path,
      ...(endpoint === undefined ? {} : { endpoint }),
      region: values.AWS_DEFAULT_REGION ?? "us-east-1",
      ...(values.AWS_ACCESS_KEY_ID ? { accessKeyId: values.AWS_ACCESS_KEY_ID } : {}),
      ...(values.AWS_SECRET_ACCESS_KEY ? { secretAccessKey: values.AWS_SECRET_ACCESS_KEY } : {}),
      ...(values.AWS_STORAGE_CLASS ? { storageClass: values.AWS_STORAGE_CLASS } : {}),
    },
  ];
}

const OTHERS = [
  "AWS_S3_PATH",
  "AWS_ENDPOINT",
  "AWS_ENDPOINT_PROTO",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_DEFAULT_REGION",
  "AWS_STORAGE_CLASS",
] as const;

function readPath({ values, complain }: Findings): string {
  const path = (values.AWS_S3_PATH ?? "").replace(/^\/+|\/+$/g, "");
  if (path.split("/").some((part) => part === ".." || part === ".")) {
    complain("AWS_S3_PATH", "has '.' or '..' in it", "a plain prefix such as stacks/barycenter");
  }
  return path;
}

const ENDPOINT =
  /^(?:(https?):\/\/)?([A-Za-z0-9._-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)((?:\/[A-Za-z0-9._~-]+)*)\/?$/;

function readEndpoint(findings: Findings): string | undefined {
  const { values, isGiven, complain } = findings;
  const text = values.AWS_ENDPOINT;
  if (text === undefined) {
    if (!isGiven("AWS_ENDPOINT")) {
      refuseUseless(findings, ["AWS_ENDPOINT_PROTO"], "without AWS_ENDPOINT", "AWS_ENDPOINT as well, or without it");
    }
    return undefined;
  }
  const right = "a host, and perhaps a port and a path, such as s3.example.com:9000";
  const [, said, host, path = ""] = ENDPOINT.exec(text) ?? [];
  if (host === undefined) {
    complain("AWS_ENDPOINT", "is not a host", right);
    return undefined;
  }
  if (path !== "" && path.endsWith(`/${values.AWS_S3_BUCKET_NAME}`)) {
    complain("AWS_ENDPOINT", "ends with the bucket's name, which is added to it", right);
  }
  const proto = values.AWS_ENDPOINT_PROTO;
  if (said !== undefined && proto !== undefined && said !== proto) {
    complain("AWS_ENDPOINT_PROTO", `contradicts AWS_ENDPOINT, which begins with ${said}`, "one of the two");
  }
  // What docker-volume-backup has as its default means Amazon's own.
  return host === "s3.amazonaws.com" ? undefined : `${said ?? proto ?? "https"}://${host}${path}`;
}
