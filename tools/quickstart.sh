#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a clone to a story: tools/quickstart.sh "Once upon a time"
# The arguments are those of `gptj complete`. Only the completion goes to standard output.
set -euo pipefail
# shellcheck source=tools/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

[[ $# -gt 0 ]] || set -- "Once upon a time"
install_build_packages
configure
build_project --target gptj_program
exec "$build/gptj" complete --echo "$@"
