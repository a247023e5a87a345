#!/usr/bin/env bash
# build.sh OUTFILE: Rust through wit-bindgen for wasm32-unknown-unknown: no WASI. Needs cargo; installs the rest
# into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
core=$(rust_guest "$here" wasm32-unknown-unknown)
componentize "$core" "$out"
