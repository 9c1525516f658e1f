#!/bin/sh
# Starts a gateway and a desktop that is joined to it, and prints the console's address
# with a link that logs in once: tools/run.sh PORTHOLE [OPTIONS OF porthole desktop...]
# Started again while it runs, it prints another link. What is kept is in run/ of the
# build folder; $PORTHOLE_RUN_PORT is the port to try (3100).
set -eu
umask 077
porthole=$1
shift
state=$(dirname "$porthole")/../../run
mkdir -p "$state"
state=$(cd "$state" && pwd)
port=${PORTHOLE_RUN_PORT:-3100}
export XDG_CONFIG_HOME="$state/config" # the login that `porthole run` uses
gateway=
desktop=

say() { printf '%s\n' "$*"; }

fail() {
  printf 'make run: %s\n' "$*" >&2
  exit 1
}

# A member of one line of JSON: its text, or the first of its texts.
member() { sed -n "s/.*\"$1\": *\[\{0,1\}\"\([^\"]*\)\".*/\1/p"; }

ask() { "$porthole" "$@" --data-dir "$state/data" --json; }

end() {
  [ -z "$1" ] || kill "$1" 2>/dev/null || return 0
  [ -z "$1" ] || wait "$1" || true
}

# The desktop first, so that the gateway learns that it has ended.
finish() {
  trap '' INT TERM HUP
  trap - EXIT
  end "$desktop"
  end "$gateway"
  rm -f "$state/pids"
}

login_link() {
  code=$(ask user link admin | member code)
  [ -n "$code" ] || fail 'the gateway gave no login link'
  say "$(member url <"$state/ready")/#login=$code"
}

# Those of an earlier start that was killed; others may have their numbers by now.
end_left_behind() {
  [ -f "$state/pids" ] || return 0
  for pid in $(cat "$state/pids"); do
    case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in
    *porthole*"$state/"*) kill "$pid" 2>/dev/null && say "Ended process $pid, which an earlier start left behind." ;;
    esac
  done
  rm -f "$state/pids"
}

# Waits for a line in a file from a process that was just started.
until_ready() {
  for _ in $(seq 300); do
    [ -s "$1" ] && return 0
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# In sessions of their own: Ctrl+C is for this script, which ends them in order.
start_gateway() {
  : >"$state/ready"
  setsid "$porthole" gateway --data-dir "$state/data" --listen "127.0.0.1:$1" --json \
    >"$state/ready" 2>"$state/gateway.log" 9>&- &
  gateway=$!
  echo "$gateway" >"$state/pids"
  until_ready "$state/ready" "$gateway"
}

# The first start with this data makes an administrator and this machine's token.
set_up() {
  rm -f "$state/token" "$state/capability"
  od -An -tx1 -N16 /dev/urandom | tr -d ' \n' >"$state/password"
  ask user create admin --admin --password-file "$state/password" >/dev/null
}

join_gateway() {
  grep -q setupUrl "$state/ready" && set_up
  [ -f "$state/token" ] || "$porthole" client create this-machine --label 'This machine' \
    --token-file "$state/token" --data-dir "$state/data" >/dev/null
  "$porthole" login "$(login_link)"
  if [ ! -f "$state/capability" ] || ! "$porthole" run show desktop >/dev/null 2>&1; then
    "$porthole" run create --run-id desktop --label Desktop --agent-id this-machine --json |
      member capabilityToken >"$state/capability"
  fi
}

start_desktop() {
  : >"$state/desktop"
  setsid "$porthole" desktop --gateway-url "$(member url <"$state/ready")" \
    --agent-id this-machine --client-token-file "$state/token" --run-id desktop \
    --capability-token-file "$state/capability" --json "$@" >"$state/desktop" 9>&- &
  desktop=$!
  echo "$desktop" >>"$state/pids"
  until_ready "$state/desktop" "$desktop"
}

exec 9>"$state/lock"
if ! flock -n 9; then
  [ -s "$state/ready" ] || fail 'it is just being started by somebody else'
  say "It runs already. Console: $(login_link)"
  exit 0
fi
trap finish EXIT
trap 'exit 0' INT TERM HUP

end_left_behind
if ! start_gateway "$port"; then
  grep -q 'is in use by another program' "$state/gateway.log" || {
    cat "$state/gateway.log" >&2
    fail 'the gateway did not start'
  }
  say "Port $port is in use by another program, so the gateway takes a free one."
  start_gateway 0 || {
    cat "$state/gateway.log" >&2
    fail 'the gateway did not start'
  }
fi
join_gateway
start_desktop "$@" || fail 'the desktop did not start'

say "
Console:    $(login_link)
            This link logs in once. Run this again for another, or log in as admin
            with the password in $state/password.
Desktop:    $(member browser <"$state/desktop")
            The same desktop without the gateway. VNC viewers: $(member vnc <"$state/desktop")

Ctrl+C ends both. The gateway's log is $state/gateway.log."

while kill -0 "$gateway" 2>/dev/null && kill -0 "$desktop" 2>/dev/null; do
  sleep 1 9>&- &
  wait $! || true
done
if kill -0 "$desktop" 2>/dev/null; then
  tail -n 5 "$state/gateway.log" >&2
  fail 'the gateway has ended'
fi
wait "$desktop" || fail 'the desktop has ended'
say 'The desktop has ended.'
