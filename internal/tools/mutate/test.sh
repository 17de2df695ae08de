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

# The nearest and fastest tests first: most changes end here. One that makes a loop endless ends at
# the time limit. A change that only `go vet` notices was not noticed by a test.
run() { "$go" test -vet=off -overlay "$overlay" -failfast "$@"; }
for package in "$(dirname "$changed")" . internal/{listtest,createoncetest,endpointtest,faulttest}; do
	run -timeout 60s "./$package"
done
run -timeout 180s $("$go" list ./internal/... | grep -v /doccheck)
