# Shared by the build scripts of the origins: where tools are kept, and how each is found or installed.
# Sourced, never run. Everything that is downloaded or built goes to one cache folder, keyed by version.

shopt -s inherit_errexit

origins=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ringfence/origins
mkdir -p "$cache"

say() { printf 'origins: %s\n' "$*" >&2; }

# once MARKER COMMAND...: run the command unless an earlier run of it finished.
once() {
  local marker=$cache/$1.done
  shift
  [ -e "$marker" ] && return
  "$@" >&2
  : > "$marker"
}

# python_tool NAME REQUIREMENT: a virtual environment of its own; prints its bin folder.
python_tool() {
  local venv=$cache/$1-${2##*==}
  once "$1-${2##*==}" install_python_tool "$venv" "$2"
  echo "$venv/bin"
}

install_python_tool() {
  say "installing $2 with pip"
  rm -rf "$1"
  python3 -m venv "$1"
  "$1/bin/pip" --quiet --disable-pip-version-check install "$2"
}

# npm_tool PACKAGE@VERSION: prints the folder that holds its node_modules.
npm_tool() {
  local name=${1//[@\/]/-}
  once "npm$name" install_npm_tool "$cache/npm$name" "$1"
  echo "$cache/npm$name"
}

install_npm_tool() {
  say "installing $2 with npm"
  rm -rf "$1"
  mkdir -p "$1"
  (cd "$1" && echo '{"private":true}' > package.json && npm install --silent --no-audit --no-fund --save-exact "$2")
}

# componentize ARGUMENTS...: wrap a core module into a component (see componentize/src/main.rs).
componentize() {
  (cd "$origins/componentize" && cargo build --quiet --release --locked --target-dir "$cache/componentize")
  "$cache/componentize/release/componentize" "$@"
}

# rust_guest CRATE TARGET: build a Rust crate for wasm; prints the path of its core module.
rust_guest() {
  local crate=$1 target=$2 rustc linkers
  rustc=$(rustc_for "$target")
  # rustup's own toolchains carry the wasm linker, also where they lack the wasm standard library.
  linkers=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
  (cd "$crate" && RUSTC=$rustc PATH=$linkers:$linkers/gcc-ld:$PATH \
    RUSTFLAGS="-Clinker=rust-lld --remap-path-prefix=$HOME=/home" \
    cargo build --quiet --release --locked --target "$target" --target-dir "$cache/guests")
  local name
  name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$crate/Cargo.toml" | head -n 1)
  echo "$cache/guests/$target/release/${name//-/_}.wasm"
}

# rustc_for TARGET: prints a rustc that has the standard library of TARGET. In order: $ORIGINS_RUSTC, the
# ambient rustc (after `rustup target add TARGET`), Debian's rustc-web with a std built here from its sources.
rustc_for() {
  local target=$1 candidate
  for candidate in "${ORIGINS_RUSTC:-}" "$(command -v rustc || true)"; do
    [ -n "$candidate" ] && has_std "$candidate" "$target" && echo "$candidate" && return
  done
  local version
  version=$(apt-cache policy rustc-web 2>/dev/null | sed -n 's/^  Candidate: //p')
  if [ -z "$version" ] || [ "$version" = "(none)" ]; then
    say "no rustc with a standard library for $target: run 'rustup target add $target'"
    return 1
  fi
  local prefix=$cache/rustc-web-${version//[^0-9a-z.]/-}
  once "$(basename "$prefix")" unpack_debian_rustc "$prefix"
  once "$(basename "$prefix")-$target" build_std "$prefix" "$target"
  echo "$prefix/rustc"
}

has_std() {
  local lib
  lib=$("$1" --print target-libdir --target "$2" 2>/dev/null) && compgen -G "$lib/libstd-*.rlib" > /dev/null
}

unpack_debian_rustc() {
  local prefix=$1 library deb
  library=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-1.*\)/\1/p' | head -n 1)
  say "unpacking Debian's rustc-web (about 140 MB)"
  rm -rf "$prefix"
  mkdir -p "$prefix/debs" "$prefix/root"
  (cd "$prefix/debs" && apt-get -qq download rustc-web libstd-rust-web-dev "$library" rust-web-src libllvm22 wasi-libc)
  for deb in "$prefix"/debs/*.deb; do dpkg-deb -x "$deb" "$prefix/root"; done
  rm -rf "$prefix/debs"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' \
    "$prefix/root/usr/lib/x86_64-linux-gnu" "$prefix/root/usr/bin/rustc" > "$prefix/rustc"
  chmod +x "$prefix/rustc"
}

build_std() {
  local prefix=$1 target=$2 lib=$1/root/usr/lib/rustlib/$2/lib seed=$1/seed-$2
  say "building the Rust standard library for $target (one to five minutes)"
  mkdir -p "$lib" "$seed/src"
  if [ "$target" = wasm32-wasip1 ]; then
    mkdir -p "$lib/self-contained"
    cp "$prefix"/root/usr/lib/wasm32-wasi/* "$lib/self-contained/"
  fi
  printf '[package]\nname = "seed"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' > "$seed/Cargo.toml"
  : > "$seed/src/lib.rs"
  # With the bitcode, guests may use link-time optimisation. The crates that std needs lie beside its sources.
  local sources=$prefix/root/usr/lib/rustlib/src/rust
  (cd "$seed" && RUSTC=$prefix/rustc RUSTC_BOOTSTRAP=1 \
    RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=$sources=/rustc" \
    cargo build --quiet --release --offline --target "$target" --target-dir "$seed/target" \
    -Z build-std=std,panic_abort \
    --config "source.crates-io.replace-with='vendor'" --config "source.vendor.directory='$sources/library/vendor'")
  rm -f "$lib"/lib*.rlib
  cp "$seed/target/$target"/release/deps/lib*.rlib "$lib/"
  rm -f "$lib"/libseed-*
  rm -rf "$seed"
}
