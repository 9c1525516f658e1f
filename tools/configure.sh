#!/bin/sh
# configure.sh FOLDER OPTIONS...: meson setup, unless FOLDER was set up just so
# before. A folder with other options or of another compiler is set up anew.
set -eu
folder=$1
shift
wanted="${CC:-cc} $*"
stamp="$folder/.configured-as"

if [ -f "$folder/build.ninja" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi
rm -rf "$folder"
log=$(meson setup "$folder" "$@" 2>&1) || {
  printf '%s\n' "$log" >&2
  exit 1
}
printf '%s\n' "$wanted" >"$stamp"
