#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Clients that nobody here wrote, with what npm installs into the build folder: run.sh SOURCE BUILD
# [URL [KEY]]. Without a URL they talk to the mock server. Where npm cannot, this is a skip (77), in CI
# a failure.
set -euo pipefail

source=$(cd "$1" && pwd) build=$2 url=${3:-} key=${4:-}
here=$source/tests/clients
work=$build/npm/clients

give_up() {
  echo "clients: $*"
  [[ ${CI:-} == true ]] && exit 1
  exit 77
}

command -v node >/dev/null || give_up "no node"
command -v npm >/dev/null || give_up "no npm"
mkdir -p "$work"
cp "$here"/package.json "$here"/package-lock.json "$here"/*.mjs "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund >&2 || give_up "npm cannot install the clients"
if [[ -z $url ]]; then
  node "$work/self_test.mjs" "$source"
  exit
fi
failed=0
for client in openai langchain lm_eval kobold; do
  node "$work/${client}_client.mjs" "$url" "$key" || failed=1
done
exit $failed
