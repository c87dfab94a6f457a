#!/usr/bin/env bash
# fuzz.sh SECONDS: runs each libFuzzer target of build/fuzz for so long, from the committed corpus.
# A crash, a leak or an input that takes over 10 s fails; the input is kept in build/fuzz/findings.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SECONDS_EACH=$1 FINDINGS=build/fuzz/findings GROWN=build/fuzz/corpus
failed=() ran=0
for program in build/fuzz/fuzz/*; do
  [[ -x $program ]] || continue
  name=$(basename "$program")
  mkdir -p "$FINDINGS" "$GROWN/$name"
  corpora=("$GROWN/$name")
  [[ -d tests/fuzz/corpus/$name ]] && corpora+=("tests/fuzz/corpus/$name")
  echo "fuzzing $name for $SECONDS_EACH s"
  ran=$((ran + 1))
  if ! "$program" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$FINDINGS/$name-" "${corpora[@]}" >"$FINDINGS/$name.log" 2>&1; then
    failed+=("$name")
    tail -60 "$FINDINGS/$name.log"
  fi
  grep -E 'number_of_executed_units' "$FINDINGS/$name.log"
done

if ((ran == 0)); then
  echo "fuzz: no program in build/fuzz/fuzz: build the target 'fuzzers' first"
  exit 1
fi
if ((${#failed[@]})); then
  echo "fuzz: ${#failed[@]} of $ran targets failed: ${failed[*]}; inputs and logs are in $FINDINGS"
  exit 1
fi
echo "fuzz: $ran targets, $SECONDS_EACH s each, nothing found"
