#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh SOURCE BUILD [all]: builds library and tests for 64-bit ARM, where the portable kernels are
# all there is, and runs what must not differ there under qemu: the golden logits and ids; with `all`
# the other tests of the bits too.
set -euo pipefail
source=$1 build=$2/arm64 scope=${3:-some}
root=$build/root

for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || {
    echo "skipped: no $tool (tools/test.sh installs it)"
    exit 77
  }
done

# The compiler of the surrounding build is not this one's.
unset CC CXX
toolchain=(--toolchain "$source/tests/cross/aarch64.cmake" -DGPTJ_CROSS_ROOT="$root")

# GoogleTest from Debian's sources.
if [[ ! -f $root/lib/libgtest_main.a ]]; then
  cmake -S /usr/src/googletest -B "$build/googletest" "${toolchain[@]}" -DBUILD_GMOCK=OFF \
    -DCMAKE_CXX_FLAGS=-O1 -DCMAKE_INSTALL_PREFIX="$root" -DCMAKE_INSTALL_LIBDIR=lib
  cmake --build "$build/googletest" --parallel "$(nproc)"
  cmake --install "$build/googletest"
fi

# utf8proc, and headers that are the same everywhere. /usr/include itself must not be searched: it
# is this machine's C library.
if [[ ! -e $root/include/xxhash.h ]]; then
  mkdir -p "$root"/{include,lib/pkgconfig,share/cmake}
  c++ "$source/tests/cross/utf8proc_table.cc" -lutf8proc -o "$build/utf8proc_table"
  "$build/utf8proc_table" >"$build/utf8proc.c"
  ln -sfn /usr/include/{utf8proc.h,nlohmann,fmt,xxhash.h,xxh3.h} "$root/include"
  aarch64-linux-gnu-gcc -O1 -I"$root/include" -c "$build/utf8proc.c" -o "$build/utf8proc.o"
  aarch64-linux-gnu-ar rcs "$root/lib/libutf8proc.a" "$build/utf8proc.o"
  cp -r /usr/share/cmake/nlohmann_json "$root/share/cmake"
  printf '%s\n' "Name: utf8proc" "Description: utf8proc_category()" "Version: 2.8.0" \
    "Cflags: -I$root/include" "Libs: -L$root/lib -lutf8proc" >"$root/lib/pkgconfig/libutf8proc.pc"
fi

export PKG_CONFIG_LIBDIR=$root/lib/pkgconfig
cmake -S "$source" -B "$build/gptj" "${toolchain[@]}" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" -DGPTJ_BUILD_TOOLS=OFF -DGPTJ_INSTALL=OFF -DGPTJ_WERROR=ON \
  -DGPTJ_SENTENCEPIECE=OFF \
  -DCMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE=PRE_TEST \
  -DCMAKE_PROJECT_gptj_INCLUDE="$source/tests/fast_build.cmake"

tests=(cross_tests:'*Golden*:Rotary*:*RowIndependence.Chunks*')
if [[ $scope == all ]]; then
  tests=(
    base_tests:'*' kernels_tests:'*' tokenizer_tests:'*'
    model_tests:'*-*SixB*' generate_tests:'*'
  )
fi
cmake --build "$build/gptj" --parallel "$(nproc)" --target "${tests[@]%%:*}"
for test in "${tests[@]}"; do
  # A name that no test has any more would test nothing, and say that it passed.
  filter=${test#*:}
  IFS=: read -ra names <<<"${filter%%-*}"
  for name in "${names[@]}"; do
    listed=$(qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/gptj/tests/${test%%:*}" --gtest_list_tests \
      --gtest_filter="$name")
    [[ $listed == *$'\n  '* ]] || { echo "${test%%:*} has no test named $name"; exit 1; }
  done
  qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/gptj/tests/${test%%:*}" --gtest_brief=1 \
    --gtest_filter="${test#*:}"
done
