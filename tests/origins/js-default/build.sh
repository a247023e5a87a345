#!/usr/bin/env bash
# build.sh OUTFILE: JavaScript on StarlingMonkey with the features it has by default: WASI with clocks, files
# and outgoing HTTP.
# Needs node 20 or later; installs componentize-js into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
tools=$(npm_tool @bytecodealliance/componentize-js@0.23.0)
program=$here
cp "$program/componentize.mjs" "$tools"
node "$tools/componentize.mjs" "$program" "$out"
