#!/usr/bin/env bash
# Brings the virtual environment in which the second implementation runs: target/tools/venv, made from the
# hash-pinned requirements.txt. Idempotent: a second run does nothing and needs no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
venv=$root/target/tools/venv
stamp=$venv/requirements.sha256
wanted=$(sha256sum < "$here/requirements.txt")

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

if [ ! -x "$venv/bin/python" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or later is needed"
  rm -rf "$venv"
  python3 -m venv "$venv" || fail "python3 -m venv failed; on Debian: apt-get install python3-venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: --require-hashes \
    -r "$here/requirements.txt" || fail "could not fetch the Python packages; check the network and run it again"
  printf '%s\n' "$wanted" > "$stamp"
fi
