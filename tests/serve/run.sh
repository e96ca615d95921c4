#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the server's page, OpenAPI file and examples that need no compiler, with what npm installs
# into the build folder: run.sh SOURCE BUILD [URL [KEY]]. With a URL the page and the answers of that
# server are tested, else those of the mock. Where npm cannot, this is a skip (77), in CI a failure.
set -euo pipefail

source=$1 build=$2 url=${3:-} key=${4:-}
here=$source/tests/serve
work=$build/npm/serve

give_up() {
  echo "serve: $*"
  [[ ${CI:-} == true ]] && exit 1
  exit 77
}

command -v node >/dev/null || give_up "no node"
command -v npm >/dev/null || give_up "no npm"
mkdir -p "$work"
cp "$here"/package.json "$here"/package-lock.json "$here"/*.mjs "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund >&2 || give_up "npm cannot install the tests' packages"
node "$work/page_policy.mjs" "$source"
node "$work/openapi_test.mjs" "$source" ${url:+--url "$url"} ${key:+--key "$key"}
[[ -n $url ]] || node "$work/examples_test.mjs" "$source"
# Last, because without a browser it is a skip.
node "$work/page_test.mjs" "$source" ${url:+--url "$url"}
