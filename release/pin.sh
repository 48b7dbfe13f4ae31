#!/usr/bin/env bash
# Creates chart and manifests of a release, which name both images by their digests: a tag can be moved to another image, a digest
# cannot. The chart of the repository names tags, because its images are not built yet.
#
#   release/pin.sh dist/release 0.1.0 SECONDS_SINCE_1970
#
# HELM: the program. Default: helm in PATH.
set -euo pipefail

fail() { echo "pin: $*" >&2; exit 1; }

[ $# -eq 3 ] || fail "arguments: found $#, expected 3: the folder with the images, the version, and the time of the commit in seconds"
into=$1 version=$2 epoch=$3
charts=$(cd "$(dirname "$0")/../charts" && pwd)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chart=$scratch/signer-operator
cp -R "$charts/signer-operator" "$chart"

digests=$chart/files/digests.yaml
echo '# The images of this version, as they were built. Written by the release.' >"$digests"
edits=()
for image in operator signer; do
  archive=$into/$image-$version.oci.tar
  digest=$(tar --extract --to-stdout --file "$archive" index.json | grep -o 'sha256:[0-9a-f]\{64\}') || true
  [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || fail "$archive: found no single digest in index.json, expected one image. Build it again with \`make image\`."
  echo "$image: $digest" >>"$digests"
  edits+=(--expression "s#(ghcr\.io/attocash/signer-operator/$image):$version#\1@$digest#g")
done

for manifest in "$charts"/install*.yaml; do
  pinned=$into/$(basename "$manifest")
  sed --regexp-extended "${edits[@]}" "$manifest" >"$pinned"
  if cmp --silent "$manifest" "$pinned"; then fail "$manifest: found no image of version $version. Write it anew with \`make generate\`."; fi
done
sed --regexp-extended --in-place "${edits[@]}" "$chart/Chart.yaml"

# Without this, the archive would contain the times of this checkout.
find "$chart" -exec touch --no-dereference --date "@$epoch" {} +
"${HELM:-helm}" package --destination "$into" "$chart" >/dev/null
