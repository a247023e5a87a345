#!/usr/bin/env bash
# build.sh OUT.wasm: promises a component of the interpreter, with CPython from componentize-py and the standard library
# in it. Needs python3 with venv; keeps its tools in ${XDG_CACHE_HOME:-$HOME/.cache}/ringfence.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUT.wasm}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tests/origins/common.sh"
# What packs the documentation, without which an agent sees a tool that nobody describes.
ringfence=${RINGFENCE:-$(command -v ringfence || echo "${CARGO_TARGET_DIR:-$here/../../target}/debug/ringfence")}
[ -x "$ringfence" ] || { say "there is no program $ringfence: run cargo build, or name it in RINGFENCE"; exit 1; }
# Not --stub-wasi: it would make the random numbers of every call the same.
bin=$(python_tool componentize-py componentize-py==0.25.1)
zones=$(python_tool tzdata tzdata==2026.6)
# Copies, because the interpreter leaves its compiled modules beside the sources.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/source" "$work/source"
guest=$here/../../host/author/src/build/guest
cp "$guest"/ringfence_*.py "$work/source/"
mkdir "$work/zones"
cp -r "$zones"/../lib/python3*/site-packages/tzdata "$work/zones/"
cp -rL "$here/wit" "$work/wit"
"$bin/componentize-py" --wit-path "$work/wit" --world python componentize \
  --python-path "$work/source" --python-path "$work/zones" --output "$out" app >&2
"$ringfence" pack "$out" --manifest "$here/skill.toml" > /dev/null
