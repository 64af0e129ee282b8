#!/bin/sh
# run.sh [TEST FILE...] - npm test: set-up, checks, and every test; given files, only those.
. "$(dirname "$0")/common.sh"

exec 9>"$cache/running"
if command -v flock >/dev/null; then flock -n 9 || die "another 'npm test' is under way in this checkout"; fi

trap 'sh "$ground/release.sh"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# What is quick to fail comes first.
sh "$ground/check.sh"
sh "$ground/prepare.sh" tools engine images image
. "$cache/environment"
[ $# -gt 0 ] || set -- "$root/test/**/*.test.ts"
say "tests: $(node --version), two files at a time"
# A test has 5 minutes, a file 15 (file-deadline.ts), all of them 35: nothing may hang for ever.
cd "$root"
timeout --kill-after=30 35m \
  node --test --test-concurrency=2 --test-timeout=300000 --import "$ground/file-deadline.ts" "$@" 9>&- &
tests=$!
trap 'kill $tests' INT TERM
status=0
wait $tests || status=$?
# A signal ends the first wait; the tests have yet to end.
while kill -0 $tests 2>/dev/null; do wait $tests || status=$?; done
[ $status != 124 ] || say "tests: stopped after 35 minutes"
exit $status
