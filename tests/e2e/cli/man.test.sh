# run_tests: parallel
# Each command has a man page, and a page names all that --help names.
. "$(dirname "$0")/tap.sh"
pages=$(dirname "$PORTHOLE")/../../doc

# The page as text: font changes and escapes taken out.
text_of() {
  sed 's/\\f[A-Z]//g; s/\\-/-/g; s/\\&//g' "$1"
}

complete_page() {
  page=$(text_of "$pages/porthole-$1.1") || return 1
  for option in $("$PORTHOLE" "$1" --help | grep -o -- '^ .*--[][a-z-]*' | grep -o -- '--.*'); do
    has "$page" "$option" || return 1
  done
}

for command in $("$PORTHOLE" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
  [ "$command" != help ] || continue
  check "porthole-$command(1) names all options" complete_page "$command"
  check "porthole(1) names $command" has "$(text_of "$pages/porthole.1")" "porthole $command"
done
check 'no page has a template left' sh -c '! grep -l @ "$@"' - "$pages"/*.1
plan
