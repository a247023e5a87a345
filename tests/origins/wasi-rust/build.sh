#!/usr/bin/env bash
# build.sh OUTFILE: ordinary Rust with std for wasm32-wasip1, made a component by the official preview1 adapter.
# Imports wasi:filesystem, as everything from this target does. Needs cargo; installs the rest into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
core=$(rust_guest "$here" wasm32-wasip1)
componentize "$core" "$out" --wasi
