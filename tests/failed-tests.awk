# From what `cargo test --no-fail-fast` prints: each test that failed, a line each, behind what runs its binary alone.

# Comes twice: before what the tests have printed, and before their names.
/^failures:$/ { listing = 1; count = 0; next }
/^test result: / { listing = 0 }
listing && /^    [^ ]/ { names[++count] = $1 }
/^error: (doc)?test failed, to rerun pass / {
  split($0, parts, "`")
  if (count == 0) print "cargo test " parts[2] ": ended before it could tell, see above"
  for (at = 1; at <= count; at++) print "cargo test " parts[2] " " names[at]
  count = 0
}
