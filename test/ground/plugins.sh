# docker compose v2 and buildx, which Debian 12 does not have: unpacked from a later Debian's packages into .cache.

prepare_plugins() {
  local missing plugin
  [ ! -d "$plugin_home/cli-plugins" ] || use_own_plugins
  missing=
  for plugin in compose buildx; do docker $plugin version >/dev/null 2>&1 || missing="$missing docker-$plugin"; done
  if [ -n "$missing" ]; then
    use_own_plugins
    say "engine: fetching$missing"
    fetch_plugins $missing
    for plugin in compose buildx; do
      docker $plugin version >/dev/null 2>&1 || die "'docker $plugin' is missing. Install the Debian package docker-$plugin (trixie or later)"
    done
  fi
  say "engine: compose $(docker compose version --short), buildx $(docker buildx version | cut -d' ' -f2)"
}

plugin_home=$root/.cache/docker

# The user's own configuration (registry log-ins) stays in force; the user's folder is not written to.
use_own_plugins() {
  local users
  users=${DOCKER_CONFIG:-$HOME/.docker}
  mkdir -p "$plugin_home/cli-plugins"
  [ "$users" = "$plugin_home" ] || [ ! -e "$users/config.json" ] || ln -sf "$users/config.json" "$plugin_home/config.json"
  if [ "$users" != "$plugin_home" ] && [ -d "$users/cli-plugins" ]; then
    find "$users/cli-plugins" -type f -perm -u+x -exec ln -sf {} "$plugin_home/cli-plugins/" \;
  fi
  export DOCKER_CONFIG="$plugin_home"
  printf "export DOCKER_CONFIG='%s'\n" "$plugin_home" >>"$cache/environment"
}

fetch_plugins() {
  local work package
  have apt-get || die "this needs apt. Install by hand: $*"
  work=$(mktemp -d)
  # Lists of their own: the machine's apt never hears of another suite.
  mkdir -p "$cache/trixie-lists/partial" "$work/sources"
  write_sources trixie >"$work/sources/trixie.sources"
  quietly plugins "the package lists of trixie cannot be had" apt_of_trixie "$work" update
  for package; do
    (cd "$work" && apt_of_trixie "$work" download "$package") >>"$cache/plugins.log" 2>&1 ||
      die "the Debian package '$package' of trixie cannot be had (see $cache/plugins.log)"
    dpkg-deb -x "$work/$package"_*.deb "$work/unpacked"
  done
  cp "$work"/unpacked/usr/libexec/docker/cli-plugins/* "$plugin_home/cli-plugins/"
  rm -rf "$work"
}

# _apt, as which apt fetches, may not enter a checkout below /root: hence Sandbox::User.
apt_of_trixie() {
  local work=$1
  shift
  apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" \
    -o Dir::State::lists="$cache/trixie-lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root "$@"
}
