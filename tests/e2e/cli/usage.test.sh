# run_tests: parallel
# Exit codes, and that every mistake gets one line that says what to do.
. "$(dirname "$0")/tap.sh"

# mistake 'LINE EXPECTED' ARGUMENTS...
mistake() {
  expected=$1
  shift
  run "$PORTHOLE" "$@"
  [ "$code" = 2 ] && [ -z "$out" ] && equal "$err" "$expected"
}

check 'no command' mistake 'porthole: a command is missing. See porthole --help'
check 'unknown command' mistake \
  "porthole: unknown command 'doktor'; did you mean doctor? See porthole --help" doktor
check 'nothing like a command' mistake \
  "porthole: unknown command 'xyzzy'. See porthole --help" xyzzy
check 'unknown option before a command' mistake \
  'porthole: unknown option --vresion; did you mean --version? See porthole --help' --vresion
check 'unknown option of a command' mistake \
  'porthole doctor: unknown option --jsn; did you mean --json? See porthole doctor --help' \
  doctor --jsn
check 'an operand too many' mistake \
  "porthole doctor: unexpected argument 'now'. See porthole doctor --help" doctor now
check 'an operand is missing' mistake \
  'porthole completion: SHELL is missing. See porthole completion --help' completion
check 'an unknown shell' mistake \
  "porthole completion: no completion for 'tcsh', only for bash, zsh and fish. See porthole completion --help" \
  completion tcsh
check 'options that exclude each other' mistake \
  'porthole doctor: --verbose and --quiet exclude each other. See porthole doctor --help' \
  doctor --verbose --quiet
check 'help for an unknown command' mistake \
  "porthole: unknown command 'doctr'; did you mean doctor? See porthole --help" help doctr

helps() {
  run "$PORTHOLE" "$@"
  [ "$code" = 0 ] && [ -z "$err" ] && has "$out" 'Usage: porthole' &&
    ! printf '%s\n' "$out" | grep -E '.{81}|[ 	]$'
}

check 'porthole --help' helps --help
check 'porthole help' helps help
commands=$("$PORTHOLE" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
check 'commands are listed' [ "$(echo "$commands" | wc -l)" -ge 3 ]
for command in $commands; do
  check "porthole $command --help" helps "$command" --help
  check "porthole help $command" helps help "$command"
done

run "$PORTHOLE" --version
check 'the version' [ "$code" = 0 ]
check 'the version and libraries' has "$out" 'libuv '
run "$PORTHOLE" --licenses
check 'licences' [ "$code" = 0 ]
for text in 'MIT License' 'Mozilla Public License' noVNC pako; do
  check "licences name $text" has "$out" "$text"
done

full() {
  code=0
  "$PORTHOLE" --help >/dev/full 2>"$tmp/err" || code=$?
  [ "$code" = 1 ] && equal "$(cat "$tmp/err")" 'porthole: cannot write to standard output'
}
check 'output that cannot be written is a failure' full
plan
