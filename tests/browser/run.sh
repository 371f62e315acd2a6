#!/usr/bin/env bash
# Opens the playground of a running server in Chromium and uses it: run.sh <url of /graphql> <screenshot.png>
# Needs Node 20 or later, npm, and Chromium (CHROMIUM names it when it is not on the path). Fails when one is missing.
set -euo pipefail

url=${1:?usage: run.sh <url of /graphql> <screenshot.png>}
screenshot=$(realpath -m "${2:?usage: run.sh <url of /graphql> <screenshot.png>}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [[ -z $chromium ]]; then
    echo "run.sh: no Chromium found; install one or set CHROMIUM to its path" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$here/check.mjs" "$work/"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
node check.mjs "$url" "$screenshot" "$chromium" "$work/profile"
