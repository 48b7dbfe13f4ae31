#!/usr/bin/env bash
# Writes how a release was built, as SLSA provenance (https://slsa.dev/spec/v1.1/provenance): predicate.json for images and chart in a
# registry, and statement.json for the files, all of which SHA256SUMS names.
#
#   release/provenance.sh dist/release 0.1.0 FOLDER
set -euo pipefail
release=$1 version=$2 into=$3

source=https://github.com/attocash/signer-operator
commit=$(git -C "$(dirname "$0")" rev-parse HEAD)
# In GitHub's workflow, the builder is the workflow, and people can read its run.
builder=$source/blob/main/CONTRIBUTING.md#a-release
run=local
if [ -n "${GITHUB_WORKFLOW_REF:-}" ]; then
  builder=$GITHUB_SERVER_URL/$GITHUB_WORKFLOW_REF
  run=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID/attempts/$GITHUB_RUN_ATTEMPT
fi

cat >"$into/predicate.json" <<END
{
  "buildDefinition": {
    "buildType": "$source/blob/v$version/docs/src/operations/verify.md#provenance",
    "externalParameters": {"version": "$version", "target": "make release"},
    "resolvedDependencies": [{"uri": "git+$source@refs/tags/v$version", "digest": {"gitCommit": "$commit"}}]
  },
  "runDetails": {
    "builder": {"id": "$builder"},
    "metadata": {"invocationId": "$run"}
  }
}
END

{
  echo '{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1", "subject": ['
  sed -E 's#^([0-9a-f]{64}) [ *](.*)$#{"name": "\2", "digest": {"sha256": "\1"}},#; $ s/,$//' "$release/SHA256SUMS"
  echo '], "predicate":'
  cat "$into/predicate.json"
  echo '}'
} >"$into/statement.json"
