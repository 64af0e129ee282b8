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
# Most of a test is waiting, for an engine, a server, or a deadline.
files_at_a_time=4
[ $# -gt 0 ] || set -- "$root/test/**/*.test.ts"
say "tests: $(node --version), $files_at_a_time files at a time"
# A test has 5 minutes, a file 15 (file-deadline.ts), all of them 60: nothing may hang for ever.
cd "$root"
timeout --kill-after=30 60m \
  node --test --test-concurrency=$files_at_a_time --test-timeout=300000 --import "$ground/file-deadline.ts" \
  --test-reporter spec --test-reporter-destination stdout \
  --test-reporter "$ground/slowest-files.ts" --test-reporter-destination stderr "$@" 9>&- &
tests=$!
trap 'kill $tests' INT TERM
status=0
wait $tests || status=$?
# A signal ends the first wait; the tests have yet to end.
while kill -0 $tests 2>/dev/null; do wait $tests || status=$?; done
[ $status != 124 ] || say "tests: stopped after 60 minutes"
exit $status
