# For tests in sh: `check NAME COMMAND...` is one test; `plan` comes last.
# `run COMMAND...` leaves standard output, standard error and exit code in
# $out, $err and $code.
tests=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; stop_all' EXIT
started=

check() {
  tests=$((tests + 1))
  name=$1
  shift
  if "$@"; then
    echo "ok $tests - $name"
  else
    echo "not ok $tests - $name"
    printf '# command: %s\n# exit code: %s\n' "$*" "${code-}"
    printf '%s\n' "${out-}" "${err-}" | sed 's/^/# /'
  fi
}

plan() {
  echo "1..$tests"
}

run() {
  code=0
  out=$("$@" 2>"$tmp/err") || code=$?
  err=$(cat "$tmp/err")
}

equal() {
  [ "$1" = "$2" ] || {
    printf '# got:      %s\n# expected: %s\n' "$1" "$2"
    false
  }
}

has() {
  case $1 in
  *"$2"*) ;;
  *)
    printf '# not found: %s\n' "$2"
    false
    ;;
  esac
}

# An X server of our own on a free number; sets $display. Options may follow.
start_xvfb() {
  mkfifo "$tmp/displayfd"
  Xvfb -displayfd 3 -noreset -nolisten tcp "$@" 3>"$tmp/displayfd" 2>/dev/null &
  started="$started $!"
  read -r number <"$tmp/displayfd"
  rm "$tmp/displayfd"
  display=:$number
}

stop_all() {
  for pid in $started; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  started=
}
