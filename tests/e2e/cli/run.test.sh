# tools/run.sh, which `make run` is: a gateway and a desktop that is joined to it.
. "$(dirname "$0")/tap.sh"
root=$(cd "$(dirname "$0")/../../.." && pwd)

# A build folder of our own, so that its run/ is.
mkdir -p "$tmp/build/src/cli"
ln -s "$(realpath "$PORTHOLE")" "$tmp/build/src/cli/porthole"
state=$tmp/build/run

export PORTHOLE_RUN_PORT
PORTHOLE_RUN_PORT=$(/usr/bin/python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')

# Jobs of a shell ignore Ctrl+C, which this is to get.
script() {
  exec env --default-signal=INT sh "$root/tools/run.sh" "$tmp/build/src/cli/porthole" \
    --listen 127.0.0.1:0 --size 640x480
}

# Tries for a minute.
until_true() {
  for _ in $(seq 300); do
    "$@" && return 0
    sleep 0.2
  done
  return 1
}

begin() {
  script >"$tmp/out" 2>&1 &
  script=$!
  started=$script
  until_true grep -q '^Ctrl+C' "$tmp/out" || true
  out=$(cat "$tmp/out")
  err=$(cat "$state/gateway.log" 2>/dev/null)
}

# Sends the signal to the script and waits for it.
end() {
  kill -"$1" "$script"
  code=0
  wait "$script" 2>/dev/null || code=$?
  started=
}

nobody_left() { ! pgrep -f "$state/" >/dev/null; }

link() { printf '%s\n' "$1" | sed -n 's/.*Console: *//p'; }

# Logs in with a link, and prints how the run `desktop` stands.
desktop_status() {
  /usr/bin/python3 - "$1" <<'PY'
import json, sys, urllib.request
url, code = sys.argv[1].split('/#login=')
def call(path, token=None, body=None):
    headers = {'Content-Type': 'application/json'}
    if token:
        headers['Authorization'] = 'Bearer ' + token
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=30) as r:
        return json.load(r)
token = call('/api/auth/exchange', body={'code': code, 'bearer': True})['token']
run, vnc = call('/api/runs/desktop', token), call('/api/runs/desktop/vnc', token)
print(run['status'], 'joined' if vnc['agent'] else 'alone')
PY
}

is_shown() { [ "$(desktop_status "$1")" = 'running joined' ]; }

begin
check 'the console is where it should be' has "$out" "Console:    http://127.0.0.1:$PORTHOLE_RUN_PORT/#login="
check 'its link logs in, and the desktop is there' is_shown "$(link "$out")"
check 'what is kept is for this user only' equal "$(find "$state" -perm /077 ! -type l | head -n 3)" ''

run script
check 'started again it leaves at once' equal "$code" 0
check 'with another link' is_shown "$(link "$out")"

end INT
check 'Ctrl+C ends it in order' equal "$code" 0
check 'and all it has started' until_true nobody_left

/usr/bin/python3 -c "
import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', $PORTHOLE_RUN_PORT))
s.listen()
time.sleep(600)" &
squatter=$!
begin
check 'a port in use is told' has "$out" "Port $PORTHOLE_RUN_PORT is in use by another program"
check 'and another is taken, with the same data' is_shown "$(link "$out")"
kill "$squatter"
wait "$squatter" 2>/dev/null || true

end KILL
begin
check 'what a killed start left is ended first' has "$out" 'which an earlier start left behind'
check 'then it goes on' is_shown "$(link "$out")"
end TERM
check 'it ends by SIGTERM' equal "$code" 0
check 'and leaves nothing running' until_true nobody_left

plan
