#!/usr/bin/env bash
# build.sh OUT.wasm: promises a component of the interpreter: StarlingMonkey from componentize-js, and acorn.
# Needs node 20 or later; keeps its tools in ${XDG_CACHE_HOME:-$HOME/.cache}/ringfence.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUT.wasm}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tests/origins/common.sh"
# What packs the documentation, without which an agent sees a tool that nobody describes.
ringfence=${RINGFENCE:-$(command -v ringfence || echo "${CARGO_TARGET_DIR:-$here/../../target}/debug/ringfence")}
[ -x "$ringfence" ] || { say "there is no program $ringfence: run cargo build, or name it in RINGFENCE"; exit 1; }
tools=$(npm_tool @bytecodealliance/componentize-js@0.23.0)
acorn=$(npm_tool acorn@8.19.0)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/source/*.js "$acorn/node_modules/acorn/dist/acorn.mjs" "$here/../../host/author/src/build/guest/fetch.js" "$work"
cp -rL "$here/wit" "$work/wit"
# Beside the modules that it imports.
cp "$here/source/componentize.mjs" "$tools/componentize-javascript.mjs"
(cd "$work" && node "$tools/componentize-javascript.mjs" "$work/skill.js" "$work/wit" "$out")
"$ringfence" pack "$out" --manifest "$here/skill.toml" > /dev/null
