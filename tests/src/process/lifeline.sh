# Becomes the program that "$@" names, beside a watcher that ends it when this script's standard input does: at the
# order of the owner, or at the owner's death, however it came. $1 is the program's log, $2 how many tenths of a second
# it is given between SIGTERM and SIGKILL.
#
# The watcher stays in the program's process group, so the group's number cannot be given to anybody else while the
# watcher may still have to signal it. It also keeps this script's standard output open until the program has ended:
# that may be the lifeline of another program, which then goes second.
log=$1 patience=$2
shift 2
exec 3<&0 </dev/null
( (
  trap '' HUP INT TERM
  read -r _ <&3
  kill -TERM $$
  # In some containers nobody collects a program whose owner has died: then it stays, but has ended all the same.
  while kill -0 $$ && ! grep -qs '^State:.Z' /proc/$$/status && [ "$patience" -gt 0 ]; do
    sleep 0.1
    patience=$((patience - 1))
  done
  kill -KILL -$$
) 2>/dev/null & )
# What the shell itself put into the environment is taken out again.
exec env -u _ -u OLDPWD -u PWD -u SHLVL "$@" 3<&- >>"$log" 2>&1
