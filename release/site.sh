#!/usr/bin/env bash
# Builds the documentation of this state into the folder `main`, and the documentation of each tag `v…` into a folder with the tag's
# name. The first page leads to the newest release, or to `main` if there is no release yet.
#
#   release/site.sh target/site
#
# MDBOOK: the program. Default: mdbook in PATH.
set -euo pipefail
site=$1
mdbook=${MDBOOK:-mdbook}
root=$(git rev-parse --show-toplevel)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
rm -rf "$site"
mkdir -p "$site"
site=$(cd "$site" && pwd)

"$mdbook" build --dest-dir "$site/main" "$root/docs"
versions=()
newest=
while read -r tag; do
  mkdir "$scratch/$tag"
  git -C "$root" archive "$tag" docs | tar --extract --directory "$scratch/$tag"
  "$mdbook" build --dest-dir "$site/$tag" "$scratch/$tag/docs"
  versions+=("$tag")
  # A version with a hyphen is a pre-release.
  if [ -z "$newest" ] && [[ $tag != *-* ]]; then newest=$tag; fi
done < <(git -C "$root" tag --list 'v[0-9]*' --sort=-version:refname)

{
  echo '<!doctype html><html lang="en"><meta charset="utf-8"><title>Atto signer operator</title>'
  echo "<meta http-equiv=\"refresh\" content=\"0; url=${newest:-main}/\">"
  echo '<h1>Atto signer operator</h1><p>Documentation by version:</p><ul>'
  for version in "${versions[@]}" main; do echo "<li><a href=\"$version/\">$version</a></li>"; done
  echo '</ul></html>'
} >"$site/index.html"
