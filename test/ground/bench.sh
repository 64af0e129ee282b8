#!/bin/sh
# bench.sh - npm run bench: how fast and how large, beside the programs people would use instead.
. "$(dirname "$0")/common.sh"
. "$ground/packages.sh"
sh "$ground/prepare.sh" modules
install_missing "$ARCHIVE_TOOLS gpg:gnupg gzip:gzip restic:restic borg:borgbackup"
exec node "$root/test/bench/bench.ts" "$@"
