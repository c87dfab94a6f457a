#!/usr/bin/env bash
# lint.sh format [--fix] | tidy [--tests]: the house format, and clang-tidy on what changed since it was last clean.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

check_format() {
  local files
  mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cpp' '*.h' '*.cu')
  if [[ ${1:-} == --fix ]]; then
    clang-format -i "${files[@]}"
  elif ! clang-format --dry-run -Werror "${files[@]}"; then
    echo "format: some files are not in the house format; hint: make format"
    return 1
  fi
  echo "format: ${#files[@]} files are in the house format"
}

case "${1:-}" in
  format) check_format "${2:-}" ;;
  tidy) exec python3 tools/tidy.py build/release "${@:2}" ;;
  *) echo "usage: tools/lint.sh format [--fix] | tidy [--tests]" >&2 && exit 2 ;;
esac
