import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { Stack } from "../stack.ts";

/** Registers the nick with NickServ; resolves once it is confirmed. */
export async function register(stack: Stack, nick: string): Promise<void> {
  await talk(stack, nick, [
    [/ 001 /, `PRIVMSG NickServ :REGISTER ${passwordOf(nick)} ${nick}@example.test`],
    [/NickServ!.*is now registered/i, "QUIT"],
  ]);
}

/** Logs in to the registered nick; resolves once NickServ says so. */
export async function logIn(stack: Stack, nick: string): Promise<void> {
  await talk(stack, nick, [
    [/ 001 /, `PRIVMSG NickServ :IDENTIFY ${passwordOf(nick)}`],
    [/NickServ!.*now (identified|logged in)/i, "QUIT"],
  ]);
}

/** True once the services are linked to the server. */
export async function hasServices(stack: Stack): Promise<boolean> {
  try {
    await talk(stack, "probe", [
      [/ 001 /, "WHOIS NickServ"],
      [/ 311 /, "QUIT"],
    ]);
    return true;
  } catch {
    return false; // Not up, or not linked yet; the caller waits, and tells when that is an error.
  }
}

/** Waits for each line in turn and answers it. Rejects when the server says otherwise, hangs up, or after 10 s. */
async function talk(stack: Stack, nick: string, steps: readonly (readonly [RegExp, string])[]): Promise<void> {
  const [host, port] = (await stack.sh("docker compose port unrealircd 6667")).trim().split(":");
  const socket = connect(Number(port), host);
  socket.setTimeout(10_000, () => socket.destroy(new Error(`the IRC server said nothing for 10 s`)));
  try {
    await once(socket, "connect");
    const say = (line: string) => socket.write(`${line}\r\n`);
    say(`NICK ${nick}`);
    say(`USER ${nick} 0 * :test`);
    const said: string[] = [];
    const remaining = [...steps];
    for await (const line of createInterface(socket)) {
      said.push(line);
      if (line.startsWith("PING")) say(line.replace("PING", "PONG"));
      else if (/ (401|433) |NickServ!\S+ NOTICE \S+ :.*(\bnot\b|invalid|insufficient)/i.test(line)) break;
      else if (remaining[0]?.[0].test(line)) {
        say(remaining.shift()?.[1] ?? "");
        if (remaining.length === 0) return;
      }
    }
    throw new Error(`'${nick}' did not get through:\n${said.slice(-5).join("\n")}`);
  } finally {
    socket.destroy();
  }
}

function passwordOf(nick: string): string {
  return `pw-${nick}`;
}
