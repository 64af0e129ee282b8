#!/bin/sh
# check.sh - npm run check: types, lint and format of everything; no Docker, no servers.
. "$(dirname "$0")/common.sh"
sh "$ground/prepare.sh" modules
cd "$root"

# check NAME COMMAND... - prints what the command has to say only if it fails.
check() {
  local name began
  name=$1 began=$(date +%s)
  shift
  "$@" >"$cache/$name.log" 2>&1 || {
    cat "$cache/$name.log" >&2
    die "$name found something"
  }
  say "check: $name, $(($(date +%s) - began)) s"
}

check types tsc --noEmit -p . &
types=$!
check lint eslint --max-warnings 0 . &
lint=$!
check format prettier --check --log-level warn . &
format=$!
failed=0
for each in $types $lint $format; do wait $each || failed=1; done
exit $failed
