# node_modules, exactly as the lock file has them.

prepare_modules() {
  local stale
  have node && have npm || die "node and npm are needed to begin with. Install Node 20 or newer, from https://nodejs.org or with: apt-get install nodejs npm"
  if stale=$(on_machine_node node "$ground/modules-stale.mjs" "$root"); then
    [ -n "$stale" ] || {
      link_lifeboat
      say "node modules: as locked, Node $(node --version)"
      return 0
    }
  else
    die "cannot compare node_modules with package-lock.json"
  fi
  say "node modules: npm ci, because $stale"
  quietly npm-ci "npm ci failed" on_machine_node npm --prefix "$root" ci --no-audit --no-fund
  hash -r
  "$root/node_modules/.bin/node" --version >/dev/null 2>&1 ||
    die "npm ci did not bring Node: was it told to run no install scripts (npm config get ignore-scripts)?"
  link_lifeboat
  say "node modules: installed, Node $(node --version)"
}

# npm takes node_modules away while it works, so it must not run on the Node in there.
on_machine_node() (
  cd "$root"
  PATH=$(printf %s "$PATH" | tr : '\n' | grep -vxF "$root/node_modules/.bin" | paste -sd:)
  "$@"
)

# `npx lifeboat` finds the program here; npm links the commands of packages only, not those of the checkout itself.
link_lifeboat() { ln -sf ../../src/main.ts "$root/node_modules/.bin/lifeboat"; }
