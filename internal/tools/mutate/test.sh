#!/usr/bin/env bash
# Runs the library's tests with one changed file. The directory it is started in mirrors the library
# by symbolic links; the changed file is the only regular file in it. A failure means: noticed.
set -euo pipefail
library=$1
go=${GO:-go}

changed=$(find . -type f -name '*.go' -printf '%P')
overlay=$(mktemp)
trap 'rm -f "$overlay"' EXIT
printf '{"Replace":{"%s/%s":"%s/%s"}}' "$library" "$changed" "$PWD" "$changed" >"$overlay"
cd "$library"

# The nearest tests first. A change that makes a loop endless ends at the time limit.
run() { "$go" test -overlay "$overlay" -failfast -timeout 60s "$@"; }
run "./$(dirname "$changed")"
run . $("$go" list ./internal/... | grep -v /doccheck)
