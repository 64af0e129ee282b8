#!/bin/sh
# release.sh - takes away what the tests of this checkout left in the engine, and stops the engine if it is our own.
. "$(dirname "$0")/common.sh"
. "$ground/engine.sh"
[ ! -r "$cache/environment" ] || . "$cache/environment"
containers=$(timeout 20 docker ps --all --quiet --filter "label=lifeboat-test=$checkout" 2>/dev/null) || containers=
[ -z "$containers" ] || docker rm --force --volumes $containers >/dev/null 2>&1 || say "could not remove the containers $containers"
stop_own_engine
