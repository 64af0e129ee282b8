#!/bin/sh
# prepare.sh [modules] [tools] [engine] [images] [image] - makes this machine ready; without arguments for everything.
#   modules  node_modules as package-lock.json has them, with the Node of the `node` package
#   tools    programs that the product runs or the tests compare it with, from Debian packages
#   engine   a Docker engine: the one that answers, else one of our own; docker compose and buildx
#   images   the base images of the Dockerfile and the servers of the tests, pulled or built from Debian and npm
#   image    lifeboat:dev
# What is there already is kept, so that it may be run again at any time. The caller reads
# .cache/ground/environment afterwards (how to reach the engine) and calls release.sh at the end.
. "$(dirname "$0")/common.sh"
. "$ground/modules.sh"
. "$ground/packages.sh"
. "$ground/engine.sh"
. "$ground/plugins.sh"
. "$ground/images.sh"

[ $# -gt 0 ] || set -- modules tools engine images image
case " $* " in *" engine "*) : >"$cache/environment" ;; esac
for step; do
  case $step in
    modules) prepare_modules ;;
    tools) prepare_tools ;;
    archive-tools) prepare_archive_tools ;;
    engine) prepare_engine && prepare_plugins ;;
    images) prepare_images ;;
    image) prepare_lifeboat_image ;;
    *) die "unknown step '$step'" ;;
  esac
done
