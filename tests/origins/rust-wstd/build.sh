#!/usr/bin/env bash
# build.sh OUTFILE: Rust with wstd, for wasm32-unknown-unknown: `wasi:http` and `wasi:io`, nothing else of WASI. Needs
# cargo; installs the rest into the cache.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUTFILE}")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
target=wasm32-unknown-unknown
rustc=$(rustc_for "$target")
linkers=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
(cd "$here" && RUSTC=$rustc PATH=$linkers:$PATH CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-component-ld \
  RUSTFLAGS="--remap-path-prefix=$HOME=/home" \
  cargo build --quiet --release --locked --target "$target" --target-dir "$cache/guests")
cp "$cache/guests/$target/release/rust_wstd.wasm" "$out"
