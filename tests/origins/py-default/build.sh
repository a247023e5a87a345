#!/usr/bin/env bash
# build.sh OUTFILE: Python through componentize-py, with all of the WASI that its interpreter can use.
# Needs python3; installs componentize-py into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
bin=$(python_tool componentize-py componentize-py==0.25.1)
program=$here/../py-default
# A copy, because the interpreter leaves its compiled modules beside the sources.
app=$(mktemp -d)
trap 'rm -rf "$app"' EXIT
cp "$program/app/app.py" "$app"
"$bin/componentize-py" --wit-path "$program/wit" --world py-skill componentize \
  --python-path "$app" --output "$out" app >&2
