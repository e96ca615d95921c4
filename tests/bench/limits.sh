#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How near the 6B comes to the limits of this machine: tests/bench/limits.sh OUT [--files FOLDER]
#
# Runs `gptj bench` for every weight type, writes the reports to OUT, a JSON line each, and prints a table
# of figures beside the bars that the project set for this kind of machine, and the figures of tests that do not depend
# on it; fails if one of those does. About an hour on an otherwise idle machine of two cores and 24 GB; on a busy one the
# figures say little.
# --files FOLDER also makes a 6B checkpoint of 12 GB and int4, int8, bf16 and f16 files of it there (37 GB; kept), for memory and
# the time to the first token.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
gptj=$root/build/gptj
out=${1:?usage: limits.sh OUT [--files FOLDER]}
files=
if [[ ${2:-} == --files ]]; then files=${3:?--files needs a folder}; fi
: >"$out"

bench() { # NAME ARGUMENTS: one report, with what was asked for
  local name=$1
  shift
  echo "$name: gptj bench $*" >&2
  "$gptj" bench --json --threads 2 --runs "${GPTJ_RUNS:-5}" "$@" |
    python3 -c 'import json, sys; print(json.dumps({"name": sys.argv[1], **json.load(sys.stdin)}))' "$name" >>"$out"
}

for weights in int4 int8 bf16 f16; do
  bench "$weights" --synthetic gpt-j-6b --weights "$weights"
done
# 24 GB of f32 do not fit: fewer layers.
bench f32 --synthetic gpt-j-6b --weights f32 --layers 8
# What older processors would do: int4 alone, for it is the hardest.
for isa in $("$gptj" --version | sed -n 's/instruction sets found: //p'); do
  case $isa in
    avx512 | avx2vnni | avx2) bench "int4 by $isa" --synthetic gpt-j-6b --weights int4 --isa "$isa" --only decode ;;
  esac
done

if [[ -n $files ]]; then
  [[ -e $files/model.safetensors ]] || python3 "$here/six_b.py" "$files"
  python3 "$here/files.py" "$gptj" "$files" >>"$out"
  # Beside the synthetic one, in one run.
  bench "int4 in memory" --synthetic gpt-j-6b --weights int4 --only decode
  bench "int4 mapped" --model "$files/int4.safetensors" --only decode
fi
python3 "$here/limits_table.py" "$out"
failed=0
tests() { # PROGRAM FILTER: what it prints besides the names of its tests, which are held to their bars
  local program=$root/build/tests/$1
  if [[ $("$program" --gtest_list_tests --gtest_filter="$2") != *$'\n  '* ]]; then
    echo "$1: expected tests named $2, found none" >&2
    failed=1
  fi
  "$program" --gtest_filter="$2" | { grep -v '^\[ *\(=\|-\|RUN\|OK\)\|^$\|^Note\|^Running main' || true; } || failed=1
}
# What weights lose, which is the same on every machine; the same bits on every instruction set.
tests evaluate_tests 'Fidelity.OfEvery*:Outliers*'
tests convert_tests 'Calibration.Halves*'
tests model_tests '*SixBShape*'
exit "$failed"
