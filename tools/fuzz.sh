#!/bin/sh
# fuzz.sh FOLDER SECONDS: runs each fuzz target for so long. What it finds new
# goes into FOLDER/corpus/; what breaks it is left there as crash-* and reported.
set -eu
folder=$1
seconds=$2
found=0
for target in "$folder"/tests/fuzz/fuzz_*; do
  [ -f "$target" ] && [ -x "$target" ] || continue
  name=${target##*/fuzz_}
  mkdir -p "$folder/corpus/$name"
  printf '%s: ' "$name"
  if "$target" -max_total_time="$seconds" -artifact_prefix="$folder/corpus/$name.crash-" \
    -print_final_stats=1 "$folder/corpus/$name" "tests/fuzz/corpus/$name" >"$folder/$name.log" 2>&1; then
    sed -n 's/^stat::number_of_executed_units: */inputs tried: /p' "$folder/$name.log"
  else
    printf 'FAILED\n'
    cat "$folder/$name.log"
    found=1
  fi
done
exit $found
