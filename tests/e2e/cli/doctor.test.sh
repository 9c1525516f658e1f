# run_tests: parallel
# porthole doctor with and without an X server, and when programs are missing.
. "$(dirname "$0")/tap.sh"

# field EXPRESSION: of the JSON in $out, as Python sees it.
field() {
  printf '%s' "$out" | /usr/bin/python3 -c "
import json, sys
r = json.load(sys.stdin)
c = {row['name']: row for row in r['checks']}
print($1)"
}

run env -u DISPLAY "$PORTHOLE" doctor --json
check 'without DISPLAY a desktop is possible' equal "$code" 0
check 'without DISPLAY nothing can be shared' equal "$(field "r['share'], r['desktop']")" 'False True'
check 'it says what to do' has "$(field "c['display']['advice']")" 'Set DISPLAY'

run env DISPLAY=:98765 "$PORTHOLE" doctor --json
check 'no such display' equal "$(field "c['display']['state'], r['share']")" 'missing False'

mkdir "$tmp/empty"
run env -u DISPLAY PATH="$tmp/empty" "$PORTHOLE" doctor
check 'nothing is possible: exit code 1' equal "$code" 1
check 'what to install' has "$out" 'apt install xvfb openbox xterm'

start_xvfb -screen 0 800x600x24
run env DISPLAY="$display" "$PORTHOLE" doctor
check 'a display can be shared' equal "$code" 0
check 'rows have a state' has "$out" 'ok       XTEST'
run env DISPLAY="$display" "$PORTHOLE" doctor --json
check 'as JSON too' equal "$(field "r['share']")" True
for name in display MIT-SHM DAMAGE XFIXES XTEST RANDR XKEYBOARD input; do
  check "$name works" equal "$(field "c['$name']['state']")" ok
done
check 'the monitor' equal \
  "$(field "[(m['index'], m['x'], m['y'], m['width'], m['height']) for m in r['monitors']]")" \
  '[(1, 0, 0, 800, 600)]'

before=$(DISPLAY=$display xdotool getmouselocation)
run env DISPLAY="$display" "$PORTHOLE" doctor
check 'the pointer is where it was' equal "$(DISPLAY=$display xdotool getmouselocation)" "$before"

stop_all
start_xvfb -screen 0 800x600x24 -extension XTEST -extension RANDR
run env DISPLAY="$display" "$PORTHOLE" doctor --json
check 'a screen without XTEST can be shared' equal "$(field "r['share']")" True
check 'missing XTEST' equal "$(field "c['XTEST']['state'], c['input']['state']")" 'missing warning'
check 'without RANDR there is one monitor' equal "$(field "len(r['monitors'])")" 1

kill -STOP $started
run env DISPLAY="$display" "$PORTHOLE" doctor
kill -CONT $started
check 'a server that does not answer is left' equal "$code" 1
check 'and it says so' has "$err" 'the X server does not answer'

cat >"$tmp/busy.py" <<'END'
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(('127.0.0.1', 5900))
    s.listen()
except OSError:
    pass  # somebody else has it: as good
print(flush=True)
sys.stdin.read()
END
mkfifo "$tmp/in" "$tmp/out"
/usr/bin/python3 "$tmp/busy.py" <"$tmp/in" >"$tmp/out" &
exec 4>"$tmp/in"
read -r _ <"$tmp/out"
run env -u DISPLAY "$PORTHOLE" doctor --json
check 'a port in use' equal "$(field "c['port']['state']")" warning
check 'another port is advised' has "$(field "c['port']['advice']")" --listen
exec 4>&-
plan
