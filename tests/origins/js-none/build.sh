#!/usr/bin/env bash
# build.sh OUTFILE: JavaScript on StarlingMonkey with every feature that needs WASI taken out: no imports.
# The same program as js-default.
# Needs node 20 or later; installs componentize-js into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
tools=$(npm_tool @bytecodealliance/componentize-js@0.23.0)
program=$here/../js-default
cp "$program/componentize.mjs" "$tools"
node "$tools/componentize.mjs" "$program" "$out" stdio random clocks http fetch-event
