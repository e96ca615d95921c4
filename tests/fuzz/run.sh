#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh SECONDS [TARGET...]: runs each fuzz target (all of fuzz_*.cc, or those named, such as pickle)
# for SECONDS, GPTJ_FUZZ_JOBS (1) of them at a time, and prints executions, minutes and findings. Needs clang; builds
# and keeps its corpus in GPTJ_FUZZ_BUILD (default: build/fuzz). Exits with 1 where there are findings, which stay in
# GPTJ_FUZZ_BUILD/findings, or where a target has no seeds though NumPy and the sentencepiece library, which write
# some, are there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(dirname "$(dirname "$here")")
build=${GPTJ_FUZZ_BUILD:-$source/build/fuzz}
seconds=${1:?run.sh SECONDS [TARGET...]}
shift

command -v clang++ >/dev/null || { echo "skipped: no clang++"; exit 77; }
targets=("$@")
if (($# == 0)); then
  for file in "$here"/fuzz_*.cc; do
    target=$(basename "$file" .cc)
    targets+=("${target#fuzz_}")
  done
fi

cmake -S "$source" -B "$build" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O1 -D_GLIBCXX_ASSERTIONS" -DGPTJ_FUZZ=ON -DGPTJ_INSTALL=OFF \
  -DGPTJ_BUILD_TOOLS=OFF -DCMAKE_PROJECT_gptj_INCLUDE="$source/tests/fast_build.cmake" >"$build.log" 2>&1 ||
  { cat "$build.log"; exit 1; }
cmake --build "$build" --parallel "$(nproc)" --target make_seeds "${targets[@]/#/fuzz_}" \
  >>"$build.log" 2>&1 || { cat "$build.log"; exit 1; }

bin=$build/tests/fuzz
rm -rf "$build/seeds"
"$bin/make_seeds" "$build/seeds" 2>>"$build.log" || { cat "$build.log"; exit 1; }
unseeded=" "  # targets that may go without seeds
status=0
/usr/bin/python3 "$here/make_layout_seeds.py" "$build/seeds" || status=$?  # Debian's, for its NumPy
case $status in
  0) ;;
  77 | 127) unseeded+="ggml msgpack npz " ;;
  *) exit 1 ;;
esac
if grep -q '^GPTJ_SENTENCEPIECE:BOOL=OFF' "$build/CMakeCache.txt"; then unseeded+="sentencepiece "; fi
for target in "${targets[@]}"; do
  [[ -d $build/seeds/$target ]] && continue
  echo "$target has no seeds"
  [[ $unseeded == *" $target "* ]] || exit 1
done
export TMPDIR=/dev/shm  # targets write their input to a file
[[ -w $TMPDIR ]] || unset TMPDIR
export bin build seconds
fuzz_one() { # TARGET: a line of the table; fails where there are findings
  local target=$1 n
  local corpus=$build/corpus/$target findings=$build/findings/$target log=$build/$target.log
  rm -rf "$findings"
  mkdir -p "$corpus" "$findings" "$build/seeds/$target"
  local start=$SECONDS
  "$bin/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -artifact_prefix="$findings/" -print_final_stats=1 "$corpus" "$build/seeds/$target" \
    >"$log" 2>&1 || true
  local executions
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  n=$(find "$findings" -type f | wc -l)
  # Without statistics it died before it could say so.
  if [[ -z $executions && $n == 0 ]]; then n=1; cp "$log" "$findings/log"; fi
  printf '%-20s %14s %8s %8s\n' "$target" "${executions:-?}" \
    "$(awk "BEGIN { printf \"%.1f\", ($SECONDS - $start) / 60 }")" "$n"
  [[ $n == 0 ]]
}
export -f fuzz_one
printf '%-20s %14s %8s %8s\n' target executions minutes findings
printf '%s\n' "${targets[@]}" | xargs -P "${GPTJ_FUZZ_JOBS:-1}" -I{} bash -c 'fuzz_one {}' ||
  { echo "findings are in $build/findings, messages in $build/TARGET.log"; exit 1; }
