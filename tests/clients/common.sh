# Shared by run, conformance and schemathesis: tools that are installed once into a cache, and a server of their own.
# Sourced, never run.

shopt -s inherit_errexit

clients=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$clients/../.." && pwd)
cache=${RINGFENCE_CLIENTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ringfence/clients}
mkdir -p "$cache"
tmp=$(mktemp -d)
server=

say() { printf 'clients: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

finish() {
  # Only the server that this script started; it may be gone already.
  if [ -n "$server" ]; then kill "$server" 2> /dev/null && wait "$server" || true; fi
  rm -rf "$tmp"
}
trap finish EXIT

# ringfence_is PATH: which program is tested.
ringfence_is() {
  [ -x "$1" ] || die "there is no program $1: build it (cargo build -p ringfence-cli), or name another"
  ringfence=$(realpath "$1")
}

# need COMMAND PACKAGE: finds a command, or installs Debian's package that has it.
need() {
  command -v "$1" > /dev/null && return
  apt_install "$1" "$2"
  command -v "$1" > /dev/null || die "$1 is still not there after the installation of $2"
}

apt_install() {
  local command=$1 package=$2 as_root=()
  command -v apt-get > /dev/null || die "$command is needed, and there is no apt-get to install it: install it by hand"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2> /dev/null || die "$command is needed: run apt-get install $package as root"
    as_root=(sudo -n)
  fi
  say "installing $package with apt-get"
  { "${as_root[@]}" apt-get -qq update &&
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -qq install -y --no-install-recommends "$package"; } \
    > "$tmp/apt" 2>&1 || { cat "$tmp/apt" >&2; die "$package could not be installed"; }
}

# python_env NAME: a virtual environment with what requirements/NAME.txt names; prints its folder. Its name has the
# digest of the list, so that another list is another environment.
python_env() {
  need python3 python3
  local list=$clients/requirements/$1.txt env
  env=$cache/$1-$(sha256sum < "$list" | head -c 12)
  if [ ! -e "$env/done" ]; then
    say "installing requirements/$1.txt with pip"
    rm -rf "$env"
    # Debian has the module ensurepip, without which there is no environment, in a package of its own.
    python3 -c 'import ensurepip, venv' 2> /dev/null || apt_install "python3 -m venv" python3-venv
    python3 -m venv "$env"
    "$env/bin/pip" --quiet --disable-pip-version-check install --requirement "$list" >&2
    : > "$env/done"
  fi
  echo "$env"
}

# node_env: the node and the programs of package.json; prints the folder of the programs.
node_env() {
  local env
  env=$cache/node-$(sha256sum < "$clients/package.json" | head -c 12)
  if [ ! -e "$env/done" ]; then
    need npm npm
    say "installing package.json with npm"
    rm -rf "$env"
    mkdir -p "$env"
    cp "$clients/package.json" "$env/"
    # No install script is needed: the Node that the programs need is a plain package.
    (cd "$env" && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts >&2)
    : > "$env/done"
  fi
  echo "$env/node_modules/.bin"
}

# fixture: builds fixture.wat; prints where the component is.
fixture() {
  local env
  env=$(python_env python)
  "$env/bin/python" -c 'import sys, wasmtime; sys.stdout.buffer.write(wasmtime.wat2wasm(sys.stdin.read()))' \
    < "$clients/fixture.wat" > "$tmp/fixture.wasm"
  echo "$tmp/fixture.wasm"
}

# serve STORE [ARGUMENT...]: starts a server; sets `server` to its process and `base` to its address.
serve() {
  local store=$1
  shift
  # Whoever opens a named pipe waits for the other side, so nothing has to be asked again and again.
  mkfifo "$tmp/stdout"
  "$ringfence" serve --store "$store" --log-level warn "$@" > "$tmp/stdout" 2> "$tmp/log" &
  server=$!
  exec 3< "$tmp/stdout"
  read -r base <&3 || { cat "$tmp/log" >&2; die "the server did not start"; }
  until_ok 200 "$base/readyz"
}

# until_ok STATUS CURL-ARGUMENT...: asks until the answer has the status, for at most 30 s.
until_ok() {
  local wanted=$1 end=$((SECONDS + 30)) status
  shift
  while
    status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 10 "$@" || true)
    [ "$status" != "$wanted" ]
  do
    kill -0 "$server" 2> /dev/null || { cat "$tmp/log" >&2; die "the server ended"; }
    [ "$SECONDS" -lt "$end" ] || { cat "$tmp/log" >&2; die "still $status instead of $wanted: curl $*"; }
  done
}
