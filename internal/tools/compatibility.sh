#!/usr/bin/env bash
# Compares the exported API with that of the last release, and says whether the version to be
# released may change it so. Both sides are read from this repository: no release is downloaded.
set -euo pipefail

go=${GO:-go}
modfile=$(pwd)/internal/tools/go.mod
version=$(sed -nE 's/^const Version = "(.+)"$/\1/p' ./*.go)
last=$(git tag --list 'v*' --sort=-version:refname --merged HEAD | head -n 1)

[ -n "$version" ] || { echo "no constant Version in the root package" >&2; exit 1; }
grep -qE "^## \[${version//./\\.}\]" CHANGELOG.md || { echo "CHANGELOG.md has no section for $version" >&2; exit 1; }

if [ -z "$last" ]; then
	echo "v$version is the first release: there is no API to be compatible with"
	exit 0
fi

work=$(mktemp -d)
trap 'git worktree remove --force "$work/last" 2>/dev/null || true; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/last" "$last"

broken=
for package in . ./coviutest; do
	name=$("$go" list "$package")
	(cd "$work/last" && "$go" tool -modfile="$modfile" apidiff -w "$work/export" "$name")
	"$go" tool -modfile="$modfile" apidiff "$work/export" "$name"
	# That a release has another number than the last one breaks nobody.
	broken+=$("$go" tool -modfile="$modfile" apidiff -incompatible "$work/export" "$name" |
		grep -vE '^(Incompatible changes:|- Version: value changed .*)$' || true)
done
[ -n "$broken" ] || { echo "v$version is compatible with $last"; exit 0; }

# Before 1.0.0 a new minor version may break, after it only a new major version.
series() { case $1 in v0.*) cut -d. -f1,2 <<<"$1" ;; *) cut -d. -f1 <<<"$1" ;; esac; }
if [ "$(series "v$version")" = "$(series "$last")" ]; then
	echo "v$version breaks programs written against $last: the version has to say so" >&2
	exit 1
fi
echo "v$version breaks programs written against $last, as its number says"
