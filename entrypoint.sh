#!/bin/sh
# `docker run IMAGE list` and `docker run IMAGE lifeboat list` are the same. Shells, Node and paths run as they are;
# everything else is a command of lifeboat, also where a program has the same name (ls, find, diff, sync).
case ${1-} in lifeboat | sh | bash | node | */*) ;; *) set -- lifeboat "$@" ;; esac
exec "$@"
