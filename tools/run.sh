#!/bin/sh
# Starts a gateway and a desktop that is joined to it, and prints the console's address
# with a link that logs in once: tools/run.sh PORTHOLE [OPTIONS OF porthole desktop...]
# What the gateway keeps is in build/run/.
set -eu
porthole=$1
shift
state=$(dirname "$porthole")/../../run
mkdir -p "$state"
state=$(cd "$state" && pwd)
chmod 700 "$state"
export XDG_CONFIG_HOME="$state/config"
gateway=

finish() {
  trap - EXIT INT TERM
  [ -z "$gateway" ] || kill "$gateway" 2>/dev/null || true
  wait
}
trap finish EXIT
trap 'exit 0' INT TERM

say() { printf '%s\n' "$*"; }

# A member of one line of JSON whose values are plain texts.
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

start_gateway() {
  : >"$state/ready"
  "$porthole" gateway --data-dir "$state/data" --listen "$1" --json >"$state/ready" &
  gateway=$!
  for _ in $(seq 100); do
    [ -s "$state/ready" ] && return 0
    kill -0 "$gateway" 2>/dev/null || break
    sleep 0.1
  done
  return 1
}

start_gateway 127.0.0.1:3100 || start_gateway 127.0.0.1:0 ||
  { say "the gateway did not start; its own words stand above" >&2; exit 1; }
url=$(member url <"$state/ready")

ask() { "$porthole" "$@" --data-dir "$state/data" --json; }

if grep -q setupUrl "$state/ready"; then
  umask 077
  od -An -tx1 -N16 /dev/urandom | tr -d ' \n' >"$state/password"
  ask user create admin --admin --password-file "$state/password" >/dev/null
fi
[ -f "$state/token" ] || "$porthole" client create this-machine --label "This machine" \
  --token-file "$state/token" --data-dir "$state/data" >/dev/null

"$porthole" login "$url/#login=$(ask user link admin | member code)"
run=$("$porthole" run create --label Desktop --agent-id this-machine --json)
umask 077
say "$run" | member capabilityToken >"$state/capability"

say "Console:    $url/#login=$(ask user link admin | member code)"
"$porthole" desktop --gateway-url "$url" --agent-id this-machine \
  --client-token-file "$state/token" --run-id "$(say "$run" | member id)" \
  --capability-token-file "$state/capability" "$@"
