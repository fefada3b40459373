# Shared by the scripts beside it: where things are, how they are said. Sourced, never run.
# shellcheck shell=bash disable=SC2034

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="$root/.cache"
# cargo's own default, unless the user says otherwise; a relative value means relative to where they stand.
target_dir=${CARGO_TARGET_DIR:-"$root/target"}
case $target_dir in /*) ;; *) target_dir="$PWD/$target_dir" ;; esac
# Debian's compiler and rustup's do not mix target folders.
debian_target_dir="$root/target/debian"

envoy_default=1.40.0
envoy_dir=${COUNTERSIGN_ENVOY_DIR:-"$cache/envoy"}
# Built without a wasm runtime: it would refuse every configuration with a wasm filter.
envoy_without_wasm=1.38.3
binaryen_version=132.0.0
wasm_opt="$cache/node/node_modules/.bin/wasm-opt"

say() { printf '%s\n' "$*"; }
note() { printf '%-12s %s\n' "$1" "$2"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Prefers what scripts/setup installed beside the project: it does so only where the machine's own would not do.
prefer_own_tools() {
  if [ -x "$cache/cargo/bin/cargo" ]; then
    export RUSTUP_HOME="$cache/rustup" CARGO_HOME="$cache/cargo"
    PATH="$CARGO_HOME/bin:$PATH"
  fi
  if [ -x "$cache/nodejs/bin/npm" ]; then
    PATH="$cache/nodejs/bin:$PATH"
  fi
}
prefer_own_tools

# Everything temporary of one run lives in one folder, which goes with it, however it ends.
temporary_folder() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/countersign.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# version_at_least 1.36.4 1.36
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# The release an Envoy binary says it is, e.g. 1.40.0; nothing if it does not run.
envoy_release() {
  "$1" --version 2>/dev/null | sed -n 's|.*version: [0-9a-f]*/\([0-9][0-9.]*\)[^/]*/.*|\1|p'
}

# `rustup` when its toolchain has the target's std, `debian` when Debian's compiler can build it, nothing otherwise.
rust_route() {
  if have cargo && have rustc && [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-wasip1/lib" ]; then
    say rustup
  elif debian_rust_ready && [ -n "$(find_rust_lld)" ]; then
    say debian
  fi
}

debian_rust_ready() {
  [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] && [ -d /usr/lib/rustlib/src/rust/library/std ] &&
    [ -f /usr/lib/wasm32-wasi/libc.a ]
}

# rust-lld of a rustup toolchain, or the lld that Debian ships.
find_rust_lld() {
  local candidate
  for candidate in "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/lib/rustlib/*/bin/rust-lld \
    /usr/lib/rustlib/*/bin/rust-lld /usr/bin/wasm-ld /usr/bin/wasm-ld-[0-9]*; do
    if [ -x "$candidate" ]; then
      say "$candidate"
      return
    fi
  done
}
