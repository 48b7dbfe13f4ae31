#!/usr/bin/env bash
# Fails if a person without a login cannot read the images and the chart of a published release.
#
#   release/readable.sh dist/release ghcr.io/attocash/signer-operator
#
# CRANE: the program. Default: crane in PATH.
set -euo pipefail

fail() { echo "readable: $*" >&2; exit 1; }

[ $# -eq 2 ] || fail "arguments: found $#, expected 2: the folder of \`make release\`, and what the names of the images begin with"
folder=$1
repository=$2
version=$(cd "$folder" && echo signer-operator-[0-9]*.tgz)
version=${version#signer-operator-} version=${version%.tgz}

# A folder without a login.
DOCKER_CONFIG=$(mktemp -d)
export DOCKER_CONFIG
trap 'rm -rf "$DOCKER_CONFIG"' EXIT
for name in operator signer charts/signer-operator; do
  tag=$repository/$name:${version//+/_}
  said=$("${CRANE:-crane}" digest "$tag" 2>&1) || fail "$tag: found no access without a login ($(tail -1 <<<"$said")), expected its digest. Make the package public in the settings of the registry, and run this again."
  echo "$tag@$said"
done
