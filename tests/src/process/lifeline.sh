# Becomes the program that "$@" names. A watcher next to it ends the program when this script's standard input ends:
# because the owner closes it, or because the owner has died in any way. $1 is the program's log, and $2 the tenths of a
# second between SIGTERM and SIGKILL.
#
# The watcher stays in the program's process group, so no other process can get the group's number while the watcher may
# still have to signal the group. It also keeps this script's standard output open until the program has ended: that
# output may be the standard input of another program's watcher, which then ends its program second.
log=$1 patience=$2
shift 2
exec 3<&0 </dev/null
( (
  trap '' HUP INT TERM
  read -r _ <&3
  kill -TERM $$
  # In some containers, no process collects a program whose owner has died. It remains as a zombie, but it has ended.
  while kill -0 $$ && ! grep -qs '^State:.Z' /proc/$$/status && [ "$patience" -gt 0 ]; do
    sleep 0.1
    patience=$((patience - 1))
  done
  kill -KILL -$$
) 2>/dev/null & )
# Removes the variables that the shell itself has added to the environment.
exec env -u _ -u OLDPWD -u PWD -u SHLVL "$@" 3<&- >>"$log" 2>&1
