#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares ids and decoded text with Hugging Face's own library, which npm installs into the build
# folder: run.sh SOURCE BUILD ENCODE_LINES. Where npm cannot, this is a skip (77), in CI a failure.
set -euo pipefail

source=$1 build=$2 encode_lines=$3
here=$source/tests/differential/tokenizers
work=$build/npm/tokenizers

give_up() {
  echo "tokenizers: $*"
  [[ ${CI:-} == true ]] && exit 1
  exit 77
}

command -v node >/dev/null || give_up "no node"
command -v npm >/dev/null || give_up "no npm"
mkdir -p "$work"
cp "$here"/package.json "$here"/package-lock.json "$here"/*.mjs "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund >&2 || give_up "npm cannot install it"
gpt2=${GPTJ_GPT2_TOKENIZER:-$build/gpt2-tokenizer}
if [[ -z ${GPTJ_GPT2_TOKENIZER:-} ]]; then
  bash "$source/tests/tokenizer/gpt2/fetch.sh" "$build" || give_up "no GPT-2 vocabulary"
fi
node "$work/compare.mjs" "$encode_lines" "$work/shapes" "$source/models/fairytale-8m" "$gpt2"
