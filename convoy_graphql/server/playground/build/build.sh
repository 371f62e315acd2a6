#!/usr/bin/env bash
# Builds ../static from the packages that package-lock.json pins. Needs Node 20 or later and npm; serving needs neither.
# The same lock file and source give the same bytes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -R "$here/package.json" "$here/package-lock.json" "$here/build.mjs" "$here/src" "$work/"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
node build.mjs "$work/static"

# favicon.svg is ours, written by hand: it stays.
for file in "$work/static"/*; do
    cp "$file" "$here/../static/"
done
