#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds everything and runs the tests: tools/test.sh [--hour|--all] [arguments of ctest]
# --hour: sanitizers, another architecture and as many long tests as take an hour in all, too.
# --all: every test, for hours. The environment's CI=true makes warnings errors.
set -euo pipefail
# shellcheck source=tools/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

select=(--label-exclude '^(hour|long)$')
case ${1:-} in
  --hour) select=(--label-exclude '^long$'); shift ;;
  --all) select=(); shift ;;
esac

install_build_packages
# Sanitizers, another compiler, another architecture, instructions that this processor lacks, the
# rules.
install_missing python3=python3 python3-numpy clang++=clang libclang-rt-14-dev libsimde-dev \
  aarch64-linux-gnu-g++=g++-aarch64-linux-gnu qemu-aarch64=qemu-user node=nodejs npm=npm
# Those who read manual pages, completions and comments.
install_missing man=man-db mandoc=mandoc zsh=zsh fish=fish doxygen=doxygen lintian=lintian
settings+=(GPTJ_SIMDE_INCLUDE=/usr/include)  # build/ may have been configured without it
configure
build_project --target all
# Tests that need GPT-2's vocabulary skip without it, and fail in CI.
if [[ -z ${GPTJ_GPT2_TOKENIZER:-} ]] && bash "$root/tests/tokenizer/gpt2/fetch.sh" "$build"; then
  export GPTJ_GPT2_TOKENIZER=$build/gpt2-tokenizer  # for builds of other kinds, too
fi
ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$(nproc)" \
  "${select[@]}" "$@"
