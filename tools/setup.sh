# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by quickstart.sh and test.sh: what to install, and the one configuration of build/ that
# both use, so that running one after the other rebuilds nothing. Every word goes to stderr.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build

say() { echo "$(basename "$0"): $*" >&2; }

as_root() {
  if [[ $EUID == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "this needs root, and there is no sudo; please run as root: $*"
    exit 1
  fi
}

# Arguments: COMMAND=PACKAGE, missing if the command is, or PACKAGE, missing if dpkg says so.
# Nothing missing, nothing touched: the second run needs no network.
install_missing() {
  local item missing=()
  for item in "$@"; do
    if [[ $item == *=* ]]; then
      command -v "${item%=*}" >/dev/null && continue
    elif [[ $(dpkg-query -W -f '${db:Status-Status}' "$item" 2>/dev/null) == installed ]]; then
      continue
    fi
    missing+=("${item#*=}")
  done
  ((${#missing[@]})) || return 0
  say "installing with apt: ${missing[*]}"
  as_root apt-get update -q >&2 || say "apt-get update failed; trying with the lists there are"
  # A machine that has just booted may be busy with its own updates: wait for the lock.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 \
    install -y -q --no-install-recommends "${missing[@]}" >&2
}

install_build_packages() {
  install_missing c++=g++ cmake=cmake ninja=ninja-build pkg-config=pkg-config libeigen3-dev \
    nlohmann-json3-dev libcli11-dev libgtest-dev libutf8proc-dev libsentencepiece-dev libfmt-dev \
    libxxhash-dev libboost-dev
}

# What build/ must have been configured with; in CI, warnings are errors.
settings=(CMAKE_HOME_DIRECTORY="$root" GPTJ_BUILD_TOOLS=ON GPTJ_BUILD_TESTS=ON)
[[ ${CI:-} == true ]] && settings+=(GPTJ_WERROR=ON)

is_configured() {
  [[ -f $build/build.ninja || -f $build/Makefile ]] || return 1
  local setting
  for setting in "${settings[@]}"; do
    grep -q "^${setting%%=*}:[A-Z]*=${setting#*=}$" "$build/CMakeCache.txt" 2>/dev/null || return 1
  done
}

configure() {
  is_configured && return
  local setting options=()
  if [[ ! -f $build/CMakeCache.txt ]]; then
    options+=(-DCMAKE_BUILD_TYPE=Release)
    command -v ninja >/dev/null && options+=(-G Ninja)
  fi
  for setting in "${settings[@]:1}"; do options+=("-D$setting"); done
  say "configuring build/"
  cmake -S "$root" -B "$build" "${options[@]}" >&2
}

# Arguments: those of cmake --build.
build_project() {
  cmake --build "$build" --parallel "$(nproc)" "$@" >&2
}
