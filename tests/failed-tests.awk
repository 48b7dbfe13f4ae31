# Reads the output of `cargo test --no-fail-fast`, and prints a line for each failed test: the argument that runs its binary alone, and
# the name of the test.

# This line occurs twice: before the output of the tests, and before their names.
/^failures:$/ { listing = 1; count = 0; next }
/^test result: / { listing = 0 }
listing && /^    [^ ]/ { names[++count] = $1 }
/^error: (doc)?test failed, to rerun pass / {
  split($0, parts, "`")
  if (count == 0) print "cargo test " parts[2] ": ended before it could tell, see above"
  for (at = 1; at <= count; at++) print "cargo test " parts[2] " " names[at]
  count = 0
}
