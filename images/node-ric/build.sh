#!/usr/bin/env bash
# Builds the function's folder: node_modules with AWS's runtime interface client, compiled from its npm package (it needs
# node, npm, cmake, autoconf, automake, libtool, make and g++). Prints the folder; a second run with the same lock file
# takes a moment.
#   build.sh [FOLDER]     default: .build/node-ric in the checkout
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../.build/node-ric}
for tool in node npm cmake autoconf automake libtoolize make g++; do
  command -v "$tool" >/dev/null || { echo "node-ric: $tool is missing; install it: apt-get install nodejs npm cmake autoconf automake libtool make g++" >&2; exit 1; }
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
exec 9>"$out/.lock"
flock 9
want=$(cat "$here/package.json" "$here/package-lock.json" <(node --version) | sha256sum)
if [[ ! -f $out/.built || $(<"$out/.built") != "$want" ]]; then
  rm -rf "$out/node_modules" "$out/.built"
  cp "$here/package.json" "$here/package-lock.json" "$out/"
  (cd "$out" && MAKEFLAGS=-j$(nproc) npm ci --omit=dev --no-audit --no-fund >"$out/npm.log" 2>&1) ||
    { tail -30 "$out/npm.log" >&2; echo "node-ric: npm ci failed; the whole log is $out/npm.log" >&2; exit 1; }
  [[ -f $out/node_modules/aws-lambda-ric/dist/rapid-client.node ]] ||
    { echo "node-ric: npm did not build aws-lambda-ric's native part; see $out/npm.log" >&2; exit 1; }
  printf '%s\n' "$want" >"$out/.built"
fi
cp "$here"/*.js "$out/"
echo "$out"
