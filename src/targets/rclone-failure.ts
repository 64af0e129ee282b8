import { LifeboatError } from "../errors.ts";
import { RemovalForbiddenError, TransientError } from "./target.ts";

/** How a call of rclone ended badly. */
export interface RcloneEnd {
  /** undefined: it did not start, or was killed. */
  readonly exitCode: number | undefined;
  /** What it reported as errors, secrets taken out. */
  readonly said: string;
}

interface Meaning {
  readonly sign: RegExp;
  readonly says: string;
  readonly hint: string;
  readonly passes?: boolean;
}

const NOT_S3 = "what answers there does not speak S3";
const GIVE_THE_ENDPOINT =
  "Give the endpoint of the server's S3 API, with its port and path: its web console has an address of its own (of MinIO, 9001 for the console and 9000 for S3).";

/** The first that matches decides, so the particular stand before the general. */
const meanings: readonly Meaning[] = [
  {
    sign: /NoSuchBucket|bucket (does not|doesn't) exist/i,
    says: "the bucket does not exist",
    hint: "Make the bucket, or correct its name, region and endpoint: a web server that is not S3 says the same. It is not made for you.",
  },
  {
    sign: /InvalidAccessKeyId|InvalidClientTokenId|access key .*does not exist/i,
    says: "the access key is not known there",
    hint: "Correct the access key id, or make a new key; some providers need a moment after making one.",
  },
  {
    sign: /SignatureDoesNotMatch|invalid_client|AuthorizationHeaderMalformed/i,
    says: "the secret key or the region is wrong",
    hint: "Correct the secret access key (a copied line break counts) and the region. If both are right, a proxy in between changes what is signed; for Accept-Encoding an rclone remote has SIGN_ACCEPT_ENCODING=false.",
  },
  {
    sign: /RequestTimeTooSkewed|clock skew/i,
    says: "this machine's clock is wrong",
    hint: "Set the clock (NTP): requests are signed with the time of day.",
  },
  {
    sign: /invalid_grant|couldn't fetch token|oauth2: cannot fetch token|no refresh token/i,
    says: "its token is not accepted any more",
    hint: "Make a new one (rclone config reconnect REMOTE:), and give rclone a configuration that it can write, where it keeps the next (docs/how-to/target-rclone.md).",
  },
  {
    sign: /ObjectLock|object.lock|retention (period|policy)|legal hold|WORM/i,
    says: "the object is locked",
    hint: "Object lock keeps what is there until its retention ends.",
  },
  {
    sign: /quota ?exceeded|QuotaExceeded|insufficient ?storage|no space left|remaining disk space|disk quota|storage ?full|status ?code: 507/i,
    says: "there is no space left there",
    hint: "Free some space there, raise the quota, or keep fewer backups. The backups there were not touched.",
  },
  {
    sign: /didn't find section in config file|unknown remote|not found in config/i,
    says: "rclone knows no such remote",
    hint: "Set RCLONE_CONFIG_<REMOTE>_TYPE and its other settings, or mount a configuration and set RCLONE_CONFIG.",
  },
  {
    sign: /x509|certificate (has expired|is not valid|signed by)|tls: (failed to verify|bad certificate|unknown)/i,
    says: "its certificate is not valid",
    hint: "Renew the certificate, correct the host name, or give rclone its authority (RCLONE_CA_CERT).",
  },
  {
    sign: /AccessDenied|access denied|\bForbidden\b|permission denied|StatusCode: 403|\b403\b/i,
    says: "access is denied",
    hint: "Allow this key to list, read and write there (for pruning also to delete).",
  },
  {
    sign: /\bUnauthorized\b|StatusCode: 401|\b401\b|unable to authenticate|login (failed|incorrect)/i,
    says: "the credentials are refused",
    hint: "Correct the user, password, key or token of this remote.",
  },
  {
    sign: /no such host|server misbehaving|temporary failure in name resolution/i,
    says: "its host name is not known",
    hint: "Correct the endpoint, or look at the DNS of this machine.",
    passes: true,
  },
  {
    sign: /connection refused|network is unreachable|no route to host|host is down/i,
    says: "it cannot be reached",
    hint: "Is the server up, the port right, and no firewall in between?",
    passes: true,
  },
  {
    sign: /SlowDown|TooManyRequests|rate.?limit|StatusCode: 429|\b429\b|throttl/i,
    says: "it asks for fewer requests",
    hint: "It limits the rate; try again later, or move fewer things at once.",
    passes: true,
  },
  {
    sign: /time(d )?.?out|connection reset|broken pipe|unexpected EOF|\bEOF\b|connection lost|use of closed|InternalError|ServiceUnavailable|StatusCode: 5\d\d|\b50[0234]\b|RequestTimeout/i,
    says: "the connection failed",
    hint: "Look at the network and the server.",
    passes: true,
  },
  {
    sign: /server gave HTTP response to HTTPS client/i,
    says: "it speaks http, not https",
    hint: "Correct the port, or for a server without TLS the protocol: AWS_ENDPOINT_PROTO=http.",
  },
  {
    sign: /SerializationError|deserialization failed|MethodNotAllowed|ListObjects.*api error BadRequest/is,
    says: NOT_S3,
    hint: GIVE_THE_ENDPOINT,
  },
  {
    sign: /unknown flag|unknown command|Command .* needs/i,
    says: "this rclone is too old",
    hint: "Use rclone 1.60 or newer.",
  },
];

/** rclone's own word that trying again may help: 5. The codes 1 and 2 changed places in 1.69 and say nothing. */
const RETRYABLE = 5;

/** The failure in words that name the target, the cause and what to do. `doing`: "store 'x'", "list", … */
export function rcloneFailure(targetName: string, doing: string, end: RcloneEnd): LifeboatError {
  const message = `cannot ${doing} on '${targetName}'`;
  const meaning = meanings.find(({ sign }) => sign.test(end.said));
  const said = end.said || (end.exitCode === undefined ? "rclone did not run" : `rclone exit code ${end.exitCode}`);
  const cause = meaning?.passes || end.exitCode === RETRYABLE ? new TransientError(said) : new Error(said);
  if (meaning) return new LifeboatError("failed", `${message}: ${meaning.says}`, { hint: meaning.hint, cause });
  return new LifeboatError("failed", `${message}: rclone failed`, { cause });
}

/** The failure where every question is answered with yes. */
export function notAStore(targetName: string): LifeboatError {
  return new LifeboatError("failed", `cannot list on '${targetName}': ${NOT_S3}`, {
    hint: GIVE_THE_ENDPOINT,
    cause: new Error("it shows no object, and says of one that nobody stored that it is there"),
  });
}

/** True if the far side refuses to remove anything, which on append-only and locked places is as it should be. */
export function isRemovalRefused(end: RcloneEnd): boolean {
  return /AccessDenied|\bForbidden\b|permission denied|object.?lock|retention|WORM|legal hold|\b403\b/i.test(end.said);
}

export function removalForbidden(targetName: string, end: RcloneEnd): RemovalForbiddenError {
  return new RemovalForbiddenError(targetName, {
    hint: "Allow this key to delete if old backups are to be pruned from here; otherwise leave pruning to the far side.",
    cause: new Error(end.said),
  });
}
