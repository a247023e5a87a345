#!/usr/bin/env bash
# build.sh OUTFILE: Rust that uses std::fs, for wasm32-wasip1, made a component by the official preview1 adapter. Needs
# cargo; installs the rest into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
core=$(rust_guest "$here" wasm32-wasip1)
componentize "$core" "$out" --wasi
