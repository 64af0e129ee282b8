# Sourced by the scripts of this folder, which are sh with `local` (dash, bash).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
ground=$root/test/ground
cache=$root/.cache/ground
mkdir -p "$cache"

# The same eight digits as checkoutId() in test/servers/checkout.ts: what a checkout leaves on the machine carries them.
checkout=$(printf %s "$root" | sha256sum | cut -c1-8)

# Node 26 of the checkout before the machine's; sshd and dockerd live in sbin, which a user's PATH may lack.
PATH=$root/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# What Node made of a source file is kept by its content: the tests start the program a thousand times.
export NODE_COMPILE_CACHE="$cache/compiled"

started=${LIFEBOAT_GROUND_STARTED:-$(date +%s)}
export LIFEBOAT_GROUND_STARTED="$started"

say() { printf '%4d s  %s\n' "$(($(date +%s) - started))" "$*" >&2; }
die() {
  say "failed: $*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# quietly LOG WHAT COMMAND...: the command's output goes to a file, whose two ends are shown when the command fails.
quietly() {
  local log what
  log=$cache/$1.log what=$2
  shift 2
  "$@" >"$log" 2>&1 || {
    head -n 8 "$log" >&2
    tail -n +9 "$log" | tail -n 20 >&2
    die "$what (all of it is in $log)"
  }
}
