#!/bin/sh
# run.sh [TEST FILE...] - npm test: set-up, checks, and every test; given files, only those.
. "$(dirname "$0")/common.sh"

exec 9>"$cache/running"
if command -v flock >/dev/null; then flock -n 9 || die "another 'npm test' is under way in this checkout"; fi

trap 'sh "$ground/release.sh"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
sh "$ground/prepare.sh"
. "$cache/environment"
sh "$ground/check.sh"
[ $# -gt 0 ] || set -- "$root/test/**/*.test.ts"
say "tests: $(node --version), two files at a time"
# A test has 5 minutes, a file 15 (file-deadline.ts), all of them 35: nothing may hang for ever.
cd "$root"
timeout --foreground --kill-after=30 35m \
  node --test --test-concurrency=2 --test-timeout=300000 --import "$ground/file-deadline.ts" "$@" 9>&-
