#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh SOURCE BUILD: builds the Debian packages, and installs them in a root of their own, which is
# this machine's below an overlay. There the program must answer, a consumer must build, and nothing
# must be left once the packages are purged. Exit code 77: not possible here.
set -euo pipefail
source=$1 build=$2

fail() {
  echo "packages: $*" >&2
  exit 1
}

# Everything from here on happens in the root. Arguments: the expected text, and the packages' names.
inside() {
  local expected=$1 printed before after
  shift
  listed() { find /usr /etc /opt /var/lib/dpkg/info -xdev ! -name '*.cache' ! -name ld.so.cache | sort; }
  for name in "$@"; do
    ! dpkg-query -W "$name" 2>/dev/null || fail "$name is installed on this machine"
  done
  before=$(listed)
  dpkg -i /tmp/gptj-packages/*.deb
  cd /usr/share/gptj
  printed=$(gptj complete --quiet --temperature 0 --max-tokens 40 "Once upon a time")
  [[ $printed == "$expected" ]] || fail "the program prints '$printed'"

  cmake -S /tmp/gptj-packages/consumer -B /tmp/consumer -DCONSUME=find_package
  cmake --build /tmp/consumer --target example
  printed=$(/tmp/consumer/example)
  [[ $printed == "$expected" ]] || fail "the consumer prints '$printed'"
  # shellcheck disable=SC2046
  c++ -std=c++20 /tmp/gptj-packages/consumer/example.cc -o /tmp/example $(pkg-config --cflags --libs gptj)
  [[ $(/tmp/example) == "$expected" ]] || fail "the consumer of pkg-config does not print the text"

  for page in gptj.1 gptj-complete.1 gptj-request.5; do
    [[ -f /usr/share/man/man${page##*.}/$page.gz ]] || fail "no page $page"
  done
  ldconfig -p | grep -q libgptj || fail "ldconfig does not know the library"
  dpkg --verify "$@" || fail "files differ from their md5sums"

  dpkg --purge "$@"
  after=$(listed)
  diff <(echo "$before") <(echo "$after") || fail "these files are left, or gone"
  ! ldconfig -p | grep -q libgptj || fail "ldconfig still knows the library"
  echo "packages: installed, used and purged: $*"
}

# Makes the root and goes there. To be called in a mount namespace of its own.
enter() {
  local work=$1
  shift
  mount -t tmpfs gptj-root "$work"
  mkdir "$work/upper" "$work/work" "$work/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
  mkdir -p "$work/root/tmp/gptj-packages"
  cp "$build"/packages/*.deb "$work/root/tmp/gptj-packages"
  cp -r "$source/tests/consumer" "$work/root/tmp/gptj-packages/consumer"
  # The clone is not there, so that nothing of it can be used.
  mount -t tmpfs hidden "$work/root$source"
  mount --rbind /dev "$work/root/dev"
  mount -t proc proc "$work/root/proc"
  chroot "$work/root" env -u GPTJ_MODEL DEBIAN_FRONTEND=noninteractive \
    bash -c "$(declare -f fail inside); set -euo pipefail; inside \"\$@\"" inside "$@"
}

if [[ ${3:-} == enter ]]; then
  enter "${@:4}"
  exit
fi

for command in dpkg-deb lintian unshare chroot; do
  command -v "$command" >/dev/null || { echo "packages: skipped, no $command here"; exit 77; }
done
work=$(mktemp -d)
trap 'rmdir "$work"' EXIT
if [[ $EUID != 0 ]] || ! unshare -m bash -c "mount -t tmpfs t '$work' && mkdir '$work'/{u,w,r} &&
    mount -t overlay o -o 'lowerdir=/,upperdir=$work/u,workdir=$work/w' '$work/r'" 2>/dev/null; then
  echo "packages: skipped, an overlay needs root"
  exit 77
fi

cmake --build "$build" --target package
lintian --info --allow-root --fail-on error,warning "$build"/packages/*.deb
names=()
for package in "$build"/packages/*.deb; do names+=("$(dpkg-deb -f "$package" Package)"); done
((${#names[@]} >= 4)) || fail "expected at least four packages, found ${names[*]}"
expected=$("$build/gptj" complete --quiet --temperature 0 --max-tokens 40 "Once upon a time")
unshare -m --propagation private bash "$0" "$source" "$build" enter "$work" "$expected" "${names[@]}"
