/**
 * What a failure to connect means, by SQLSTATE or the system's code where there is one, else by the words of libpq and
 * the server (English, as programs are run with LC_ALL=C; a server may still speak its own language, and is not
 * recognised then).
 */
export function isUnreachable(code: string, said: string): boolean {
  return PASSING_CODES.test(code) || PASSING_WORDS.test(said);
}

/** 57P03 starting or stopping, 57P01 and 57P02 ended by an administrator or a crash, 53300 out of connections, 08xxx lost. */
const PASSING_CODES =
  /^(57P0[123]|53300|08...|ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|E(HOST|NET)UNREACH|EPIPE|EAI_AGAIN|ENOTFOUND)$/;
const PASSING_WORDS =
  /the database system is (starting up|shutting down|not yet accepting|in recovery mode)|too many (clients|connections)|remaining connection slots|Connection (refused|terminated|timed out|reset by peer)|server closed the connection|could not translate host name|timeout e(xpired|xceeded)|connection to server on socket .* failed: No such file/;

/** 28xxx: authentication failed, or pg_hba.conf has no entry. */
export function isRefusal(code: string, said: string): boolean {
  return /^28...$/.test(code) || REFUSED_WORDS.test(said);
}

const REFUSED_WORDS =
  /authentication failed|no pg_hba\.conf entry|no password supplied|client password must be a string|role "[^"]*" (does not exist|is not permitted to log in)/;

/** The words of libpq, and those of Node, which has no one code for it. */
export function isUntrusted(said: string): boolean {
  return /certificate verify failed|server certificate for "|certificate's altnames|(unable to (verify|get)|self-signed) .*certificate|certificate (has expired|is not yet valid)|could not (get|read) root certificate/.test(
    said,
  );
}

export function isWithoutTls(said: string): boolean {
  return /server does not support SSL/.test(said);
}
