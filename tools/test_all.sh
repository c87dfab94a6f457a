#!/usr/bin/env bash
# test_all.sh [STEP...]: sets up, builds and runs everything that must pass; without arguments all of it but `long`,
# which runs the tests that have a long form in that form.
# Goes on after a failed step, ends with a summary, and fails if any step did.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LOGS=build/logs
readonly ALL_STEPS=(setup release asan tsan fuzz format tidy)
readonly MORE_STEPS=(long)
declare -A TIMES RESULTS
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(nproc)}

setup() { ./setup.sh --tests; }

steady() {  # steady COMMAND...: at addresses that g++ 12's sanitizers can map, also where a kernel randomises 32 bits
  if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

build_and_test() {  # build_and_test PRESET MINUTES [WRAPPER]
  ${3:-} tools/build.sh "$1" && ${3:-} timeout "$2m" ctest --test-dir "build/$1" --output-on-failure --timeout 300
}
release() { build_and_test release 30; }
long() { tools/build.sh release && EASYLM_LONG=1 timeout 180m ctest --test-dir build/release -L long --output-on-failure; }
asan() { ASAN_OPTIONS=detect_stack_use_after_return=1 build_and_test asan 15 steady; }
tsan() { TSAN_OPTIONS=halt_on_error=1 build_and_test tsan 20 steady; }

fuzz() { tools/build.sh fuzz fuzzers && steady tools/fuzz.sh "${EASYLM_FUZZ_SECONDS:-8}"; }
format() { tools/lint.sh format; }
tidy() { timeout 60m tools/lint.sh tidy; }

run_step() {
  local step=$1 start=$SECONDS
  printf '\n== %s\n' "$step"
  if "$step" 2>&1 | tee "$LOGS/$step.log"; then RESULTS[$step]=passed; else RESULTS[$step]=FAILED; fi
  TIMES[$step]=$((SECONDS - start))
}

summary() {  # prints what each step came to; fails if one failed
  local step failed=0 logs=("${@/#/$LOGS/}")
  printf '\n== summary\n'
  for step in "$@"; do
    printf '%-8s %-7s %5d s   %s\n' "$step" "${RESULTS[$step]}" "${TIMES[$step]}" \
      "$(grep -hE '^[0-9]+% tests passed|^(fuzz|format|tidy|setup): ' "$LOGS/$step.log" | tail -1)"
    [[ ${RESULTS[$step]} == passed ]] || failed=1
  done
  if ((failed)); then
    grep -hE '\*\*\*(Failed|Timeout|Exception)| error: |^FAIL' "${logs[@]/%/.log}" | head -20
    printf 'make test: FAILED; the output of each step is in %s\n' "$LOGS"
    return 1
  fi
  printf 'make test: everything passed\n'
}

steps=("${@:-${ALL_STEPS[@]}}")
mkdir -p "$LOGS"
for step in "${steps[@]}"; do
  [[ " ${ALL_STEPS[*]} ${MORE_STEPS[*]} " == *" $step "* ]] ||
    { echo "no step '$step'; there are: ${ALL_STEPS[*]} ${MORE_STEPS[*]}" >&2 && exit 2; }
done
for step in "${steps[@]}"; do
  run_step "$step"
  [[ $step == setup && ${RESULTS[setup]} == FAILED ]] && { summary setup; exit 1; }
done
summary "${steps[@]}"
