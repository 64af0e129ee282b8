# A Docker engine for the tests: the one that answers, or one of our own with its own data, socket and process id.

own_engine=/run/lifeboat-test-$checkout

prepare_engine() {
  have docker || install_missing docker:docker.io
  # Whoever said where the engine is meant that one; when it is not there, the usual one may be.
  if ! engine_answers && [ -n "${DOCKER_HOST:-}" ]; then
    say "engine: nothing answers at DOCKER_HOST=$DOCKER_HOST"
    unset DOCKER_HOST
  fi
  if engine_answers; then
    remember_environment
    say "engine: Docker $(engine_version), already running"
    return 0
  fi
  export DOCKER_HOST="unix://$own_engine/docker.sock"
  engine_answers || start_own_engine
  remember_environment
  say "engine: Docker $(engine_version), started for this run (its log: $cache/dockerd.log)"
}

engine_answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
engine_version() { docker version --format '{{.Server.Version}}'; }

remember_environment() {
  if [ -n "${DOCKER_HOST:-}" ]; then printf "export DOCKER_HOST='%s'\n" "$DOCKER_HOST"; else echo "unset DOCKER_HOST"; fi >>"$cache/environment"
}

start_own_engine() {
  local pid tries
  [ "$(id -u)" = 0 ] || die "no Docker engine answers, and starting one needs root. Start one, or say where it is with DOCKER_HOST"
  install_missing "dockerd:docker.io iptables:iptables ip:iproute2"
  rm -rf "$own_engine"
  mkdir -p "$own_engine"
  # A session of its own: Ctrl-C shall reach the tests first, which need the engine to clean up.
  setsid dockerd --host "$DOCKER_HOST" --data-root "$(engine_data)" --exec-root "$own_engine/exec" \
    --pidfile "$own_engine/dockerd.pid" >"$cache/dockerd.log" 2>&1 </dev/null 9>&- &
  pid=$!
  tries=0
  until engine_answers; do
    tries=$((tries + 1))
    if ! runs $pid || [ $tries -gt 120 ]; then
      grep -E 'level=(error|fatal)|failed' "$cache/dockerd.log" | tail -n 5 >&2
      die "no Docker engine answers, and one of our own did not start (see $cache/dockerd.log). Start one, or say where it is with DOCKER_HOST"
    fi
    sleep 0.5
  done
}

# The overlay2 driver cannot lie on an overlay, which is what a checkout inside a container lies on.
engine_data() {
  local folder
  for folder in "$root/.cache/engine" "/var/lib/lifeboat-test-$checkout"; do
    mkdir -p "$folder"
    case $(stat -f -c %T "$folder") in overlayfs | tmpfs) rmdir "$folder" 2>/dev/null || true ;; *) break ;; esac
  done
  mkdir -p "$folder"
  echo "$folder"
}

stop_own_engine() {
  local pid tries
  pid=$(cat "$own_engine/dockerd.pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  tries=0
  while runs "$pid" && [ $tries -lt 60 ]; do
    tries=$((tries + 1))
    sleep 0.5
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -rf "$own_engine"
}

# A process that ended but was not waited for (in a container whose first process does not) runs no more.
runs() { grep -q '^State:[[:space:]]*[^XZ]' "/proc/$1/status" 2>/dev/null; }
