#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh CASE SOURCE BUILD: example.cc, built outside the tree in one of the ways to use the library,
# must print what the program prints. The environment's CXX and CMAKE_* choose tools, as ctest does.
set -euo pipefail
case=$1 source=$2 build=$3
export CXX=${CXX:-c++}
jobs=$(nproc)

# Small builds start from nothing each time; those of the whole library are kept in BUILD.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
project=$work
expected=$("$build/gptj" complete --quiet --temperature 0 --max-tokens 40 "Once upon a time")

fail() {
  echo "$case: $*" >&2
  exit 1
}

# check WHAT PROGRAM [NAME=VALUE]: the example finds models/ where it runs.
check() {
  local printed
  printed=$(cd "$source" && env "${@:3}" "$2")
  [[ -n $printed && $printed == "$expected" ]] || fail "$1: expected '$expected', found '$printed'"
  echo "$1: $printed"
}

# consume FOLDER OPTIONS...: builds the consumer's project in FOLDER.
consume() {
  cmake -S "$project" -B "$1" "${@:2}"
  cmake --build "$1" --parallel "$jobs" --target example
}

# install_moved FOLDER PREFIX: what was installed must work where it was moved to, and remember
# neither the clone nor the build.
install_moved() {
  cmake --install "$1" --prefix "$work/first" >/dev/null
  mv "$work/first" "$2"
  ! grep -rIlE "$source|$work/first" "$2/lib" || fail "installed files name the folder they came from"
}

# check_installed PREFIX PKG_CONFIG_OPTIONS...
check_installed() {
  local prefix=$1 flags
  consume "$work/package" -DCONSUME=find_package -DCMAKE_PREFIX_PATH="$prefix"
  check "find_package" "$work/package/example"
  flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config "${@:2}" --cflags --libs gptj)
  # shellcheck disable=SC2086
  "$CXX" -std=c++20 "$project/example.cc" -o "$work/example" $flags
  check "pkg-config" "$work/example" LD_LIBRARY_PATH="$prefix/lib"
}

[[ $case == subproject ]] && project=$build/consumer/project
mkdir -p "$project"
cp "$source"/tests/consumer/{CMakeLists.txt,example.cc} "$project"

case $case in
  static)
    install_moved "$build" "$work/prefix"
    check_installed "$work/prefix" --static
    # The programs to copy, as a newcomer builds and runs them.
    cmake -S "$source/tools/examples" -B "$work/examples" -DCMAKE_PREFIX_PATH="$work/prefix"
    cmake --build "$work/examples" --parallel "$jobs"
    for example in "$source"/tools/examples/*.cc; do
      name=$(basename "$example" .cc)
      printed=$(cd "$work/examples" && "./$name" "$source/models/fairytale-8m") || fail "$name failed"
      [[ -n $printed ]] || fail "$name prints nothing"
      echo "$name: $printed"
    done
    [[ -f $work/prefix/share/gptj/models/fairytale-8m/MODEL_CARD.md ]] || fail "no model installed"
    printed=$(cd / && env -u GPTJ_MODEL "$work/prefix/bin/gptj" complete --quiet --temperature 0 \
      --max-tokens 40 "Once upon a time")
    [[ $printed == "$expected" ]] || fail "the installed program prints '$printed'"
    for page in man1/gptj.1 man1/gptj-complete.1 man5/gptj-request.5; do
      [[ -s $work/prefix/share/man/$page ]] || fail "no manual page $page installed"
    done
    # What was installed can be removed again.
    cmake --install "$build" --prefix "$work/again" >/dev/null
    [[ -x $work/again/bin/gptj ]] || fail "no program installed"
    cmake -DBUILD="$build" -P "$source/src/install/uninstall.cmake"
    [[ ! -e $work/again ]] || fail "uninstall left $(find "$work/again")"
    ;;
  subproject)
    # The library that this builds is the shared one, and is then installed. Clang is the quickest.
    folder=$build/consumer
    if command -v clang++ >/dev/null; then CXX=clang++; fi
    for way in add_subdirectory FetchContent; do
      rm -f "$folder/example"
      consume "$folder" -DCONSUME=$way -DGPTJ_SOURCE="$source" -DBUILD_SHARED_LIBS=ON \
        -DGPTJ_INSTALL=ON -DCMAKE_PROJECT_gptj_INCLUDE="$source/tests/fast_build.cmake"
      check "$way" "$folder/example"
    done
    install_moved "$folder" "$work/prefix"
    check_installed "$work/prefix"
    ;;
  *) fail "no such case" ;;
esac
