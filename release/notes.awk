# Prints the entries of one version (`-v version=0.1.0`) of the changelog. Fails if the version has no date or no entries.
index($0, "## [") == 1 {
  inside = index($0, "## [" version "]") == 1
  if (inside && $0 !~ /^## \[[^]]+\] - [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]$/) {
    print "CHANGELOG.md: found `" $0 "`, expected `## [" version "] - YYYY-MM-DD`. Write the date of the release there." >"/dev/stderr"
    failed = 1
  }
  next
}
# The addresses of links are at the end of the file.
inside && !/^\[[^]]+\]: / { text = text $0 "\n"; found = found || /[^ ]/ }
END {
  if (failed) exit 1
  if (!found) {
    print "CHANGELOG.md: found nothing under `## [" version "]`, expected what has changed. Move it there from `## [Unreleased]`." >"/dev/stderr"
    exit 1
  }
  sub(/^\n+/, "", text); sub(/\n+$/, "", text)
  print text
}
