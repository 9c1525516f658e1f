# run_tests: parallel
# The shells themselves read the scripts and complete with them.
. "$(dirname "$0")/tap.sh"

for shell in bash zsh fish; do
  "$PORTHOLE" completion $shell >"$tmp/$shell"
  check "$shell: there is a script" [ -s "$tmp/$shell" ]
done
check 'bash reads it' bash -n "$tmp/bash"
check 'zsh reads it' zsh -n "$tmp/zsh"
check 'fish reads it' fish --no-execute "$tmp/fish"

# What bash offers for the last word of a line.
bash_offers() {
  bash -c '. "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _porthole 2>/dev/null
    echo "${COMPREPLY[*]}"' - "$tmp/bash" "$@"
}

fish_offers() {
  env HOME="$tmp" fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$tmp/fish" "$1" |
    cut -f1 | sort | paste -sd' '
}

# What zsh would offer: the functions that it calls for that are replaced.
zsh_offers() {
  zsh -f -c 'function compdef() { }; function _describe() { print -l -- ${(P)2%%:*} }
    function compadd() { }; function _arguments() { print -l -- ${@%%\[*} }
    script=$1; shift; words=("$@"); CURRENT=$#; source $script' - "$tmp/zsh" "$@"
}

check 'bash: a command' equal "$(bash_offers porthole doc)" doctor
check 'bash: an option' equal "$(bash_offers porthole doctor --js)" --json
check 'bash: an operand' equal "$(bash_offers porthole completion z)" zsh
check 'bash: before a command' equal "$(bash_offers porthole --ver)" --version
check 'fish: a command' equal "$(fish_offers 'porthole doc')" doctor
check 'fish: an option' equal "$(fish_offers 'porthole doctor --js')" --json
check 'fish: an operand' equal "$(fish_offers 'porthole completion z')" zsh
check 'zsh: commands' has "$(zsh_offers porthole '')" doctor
check 'zsh: options' has "$(zsh_offers porthole doctor '')" --json
check 'zsh: operands' has "$(zsh_offers porthole completion '')" '(bash zsh fish)'
plan
