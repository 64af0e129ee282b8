# node_modules, exactly as the lock file has them.

prepare_modules() {
  local stale
  have node && have npm || die "node and npm are needed to begin with. Install Node 20 or newer, from https://nodejs.org or with: apt-get install nodejs npm"
  install_missing "$NODE_NEEDS"
  if stale=$(on_machine_node node "$ground/modules-stale.mjs" "$root"); then
    [ -n "$stale" ] || {
      link_commands
      say "node modules: as locked, Node $(node --version)"
      return 0
    }
  else
    die "cannot compare node_modules with package-lock.json"
  fi
  say "node modules: npm ci, because $stale"
  # Of all install scripts only Node's own is wanted, which fetches it: older npms would compile better-sqlite3, which
  # brings its binaries along.
  quietly npm-ci "npm ci failed" on_machine_node npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  quietly npm-node "Node could not be fetched" on_machine_node sh -c 'cd node_modules/node && node installArchSpecificPackage.js'
  link_commands
  say "node modules: installed, Node $(node --version)"
}

# npm takes node_modules away while it works, so it must not run on the Node in there.
on_machine_node() (
  cd "$root"
  PATH=$(printf %s "$PATH" | tr : '\n' | grep -vxF "$root/node_modules/.bin" | paste -sd:)
  "$@"
)

# npm links a command only if its file is there when it installs the package, and none of the checkout itself:
# `node` comes later, and `npx lifeboat` looks for its program here.
link_commands() {
  ln -sf ../node/bin/node "$root/node_modules/.bin/node"
  ln -sf ../../src/main.ts "$root/node_modules/.bin/lifeboat"
  hash -r
  [ "$(node --print 'process.execPath')" = "$(readlink -f "$root/node_modules/node/bin/node")" ] ||
    die "the Node of node_modules does not run: $("$root/node_modules/node/bin/node" --version 2>&1)"
}
