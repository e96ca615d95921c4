#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh address|thread SOURCE BUILD [all]: builds the tests with sanitizers in a folder of BUILD, and
# runs those that hostile files or threads make interesting; with `all`, every test that is not long.
set -euo pipefail
kind=$1 source=$2 build=$3 scope=${4:-some}
folder=$build/sanitize-$kind

skip() {
  echo "skipped: $*"
  exit 77
}

# Clang compiles sanitized code in a third of GCC's time, and is a second opinion on warnings.
CXX=${CXX:-c++}
if command -v clang++ >/dev/null; then CXX=clang++; fi

# ThreadSanitizer cannot start where addresses are more random than it knows, and sandboxes may
# forbid to turn that off.
prefix=()
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
echo 'int main() {}' >"$probe/probe.cc"
"$CXX" -fsanitize="$kind" "$probe/probe.cc" -o "$probe/probe" || skip "$CXX has no -fsanitize=$kind"
if ! "$probe/probe"; then
  prefix=(setarch "$(uname -m)" --addr-no-randomize)
  "${prefix[@]}" "$probe/probe" || skip "programs with -fsanitize=$kind do not run here"
fi

case $kind in
  address)
    sanitizers=address,undefined
    some=(
      base_tests:'*' formats_tests:'*' tokenizer_tests:'*' jobs_tests:'RequestLine*:*WrongLine*:Journal*'
      allocation_tests:'*'
      model_tests:'Checkpoint*:OtherFormats*:MatrixRows*:Gptq*:CodeGen*:Config*:GenerationDefaults*:MemoryNeeds*:Names*:Model.*:Session.*'
    )
    ;;
  thread)
    sanitizers=thread
    some=(
      base_tests:'ThreadPool*'
      model_tests:'*ServesSessionsOnManyThreads:*RowIndependence.ThreadsAndInstructionSets*'
      generate_tests:'*ACancelTokenCancelsFromAnotherThread:*ManyThreadsMayShareAModel:Generator.*Many*:Generator.De*:Generator.One*'
    )
    ;;
  *) skip "no such sanitizer" ;;
esac

cmake -S "$source" -B "$folder" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O1 -D_GLIBCXX_ASSERTIONS" -DGPTJ_SANITIZE=$sanitizers -DGPTJ_WERROR=ON \
  -DGPTJ_INSTALL=OFF -DCMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE=PRE_TEST \
  -DCMAKE_PROJECT_gptj_INCLUDE="$source/tests/fast_build.cmake"

if [[ $scope == all ]]; then
  # SixB* compute two layers of the 6B in double: minutes without a sanitizer, an hour with one.
  # Outliers*, OfEvery* and HalvesThe* measure quality over long texts; shorter tests run their code.
  # load_memory measures memory, of which a sanitizer takes its own.
  cmake --build "$folder" --parallel "$(nproc)"
  ln -sfn "$source/models" "$build/models"  # where the program there looks for the bundled model
  "${prefix[@]}" ctest --test-dir "$folder" --output-on-failure --no-tests=error \
    --parallel "$(nproc)" --label-exclude '^long$' --exclude-regex 'SixB|load_memory|Outliers|OfEvery|HalvesThe'
else
  cmake --build "$folder" --parallel "$(nproc)" --target "${some[@]%%:*}"
  for tests in "${some[@]}"; do
    # A name that no test has any more would test nothing, and say that it passed.
    IFS=: read -ra names <<<"${tests#*:}"
    for name in "${names[@]}"; do
      listed=$("${prefix[@]}" "$folder/tests/${tests%%:*}" --gtest_list_tests --gtest_filter="$name")
      [[ $listed == *$'\n  '* ]] || { echo "${tests%%:*} has no test named $name"; exit 1; }
    done
    "${prefix[@]}" "$folder/tests/${tests%%:*}" --gtest_brief=1 --gtest_filter="${tests#*:}"
  done
fi
