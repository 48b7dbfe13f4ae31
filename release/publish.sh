#!/usr/bin/env bash
# Publishes the files of `make release`: pushes images and chart, signs them, attests how they were built and which software they
# contain, and signs the checksums of all files. The release workflow runs it, and so does a test, with a registry and a key of its own.
#
#   release/publish.sh dist/release ghcr.io/attocash/signer-operator
#
# CRANE, COSIGN, HELM: the programs. Default: crane, cosign and helm in PATH.
# SIGN_WITH: further arguments of cosign, such as `--key cosign.key`. Without a key, cosign signs in the name of the workflow that runs it.
# REGISTRY_USER, REGISTRY_PASSWORD: a login, if the registry needs one.
set -euo pipefail

fail() { echo "publish: $*" >&2; exit 1; }

[ $# -eq 2 ] || fail "arguments: found $#, expected 2: the folder of \`make release\`, and what the names of the images begin with"
folder=$(cd "$1" && pwd)
repository=$2
crane=${CRANE:-crane} cosign=${COSIGN:-cosign} helm=${HELM:-helm}
read -r -a sign_with <<<"${SIGN_WITH:---yes}"

# Checks that the files are the built ones.
(cd "$folder" && sha256sum --check --quiet SHA256SUMS) || fail "$folder: a file is another one than SHA256SUMS says. Build it again with \`make release\`."
version=$(cd "$folder" && echo signer-operator-[0-9]*.tgz)
version=${version#signer-operator-} version=${version%.tgz}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]] || fail "$folder: found the chart signer-operator-$version.tgz, expected one, with a version"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# cosign's files and login exist only during this run.
export DOCKER_CONFIG=$scratch/docker
mkdir "$DOCKER_CONFIG"
registry=${repository%%/*}
plain_http=()
case $registry in localhost:* | 127.0.0.1:*) plain_http=(--plain-http) ;; esac
if [ -n "${REGISTRY_USER:-}" ]; then
  "$crane" auth login "$registry" --username "$REGISTRY_USER" --password-stdin <<<"${REGISTRY_PASSWORD:-}"
fi

"$(dirname "$0")"/provenance.sh "$folder" "$version" "$scratch"

# Signs the object with this digest in the registry, and attests how it was built.
sign() {
  "$cosign" sign "${sign_with[@]}" "$1"
  "$cosign" attest "${sign_with[@]}" --type slsaprovenance1 --predicate "$scratch/predicate.json" "$1"
}

# The digest of a tag in the registry. Empty if there is no such tag. A published version is never replaced, because people have
# verified it. Without a clear answer, nothing is pushed. A registry may answer DENIED if there is no such repository yet.
published() {
  if "$crane" digest "$1" 2>"$scratch/said"; then return; fi
  grep --quiet --extended-regexp 'MANIFEST_UNKNOWN|NAME_UNKNOWN|DENIED|404 Not Found' "$scratch/said" ||
    fail "$1: expected its digest or that there is no such tag, found: $(tail -1 "$scratch/said"). Try again when the registry answers."
}

for image in operator signer; do
  echo "== $image"
  layout=$scratch/$image
  mkdir "$layout"
  tar --extract --file "$folder/$image-$version.oci.tar" --directory "$layout"
  digest=$(grep -o 'sha256:[0-9a-f]\{64\}' "$layout/index.json")
  grep -q "/$image@$digest" "$folder/install.yaml" || fail "install.yaml: found no $image@$digest, which is in $image-$version.oci.tar. Build it again with \`make release\`."
  found=$(published "$repository/$image:$version")
  [ "${found:-$digest}" = "$digest" ] || fail "$repository/$image:$version: found $found, expected $digest or nothing. Release this as another version."
  "$crane" push "$layout" "$repository/$image:$version" >/dev/null
  sign "$repository/$image@$digest"
  for architecture in amd64 arm64; do
    sbom=$folder/$image-$version-linux-$architecture.cdx.json
    [ -e "$sbom" ] || fail "$sbom: found no such file, expected the bill of materials of the image. Build it again with \`make release\`."
    platform=$("$crane" digest --platform "linux/$architecture" "$repository/$image@$digest")
    "$cosign" attest "${sign_with[@]}" --type cyclonedx --predicate "$sbom" "$repository/$image@$platform"
  done
done

echo '== chart'
chart=$repository/charts/signer-operator
tag=${version//+/_}
found=$(published "$chart:$tag")
if [ -z "$found" ]; then
  said=$("$helm" push "${plain_http[@]}" "$folder/signer-operator-$version.tgz" "oci://$repository/charts" 2>&1) || fail "helm push: $said"
fi
digest=$("$crane" digest "$chart:$tag")
sum=$(sha256sum "$folder/signer-operator-$version.tgz")
"$crane" manifest "$chart@$digest" | grep -q "sha256:${sum%% *}" || fail "$chart:$tag: found another chart, expected signer-operator-$version.tgz or nothing. Release this as another version."
sign "$chart@$digest"

echo '== files'
"$cosign" sign-blob "${sign_with[@]}" --bundle "$folder/SHA256SUMS.sigstore.json" "$folder/SHA256SUMS" >/dev/null
"$cosign" attest-blob "${sign_with[@]}" --bundle "$folder/provenance.sigstore.json" --statement "$scratch/statement.json"
