#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configures a preset of CMakePresets.json once, then builds it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=$1
shift
if [[ ! -e build/$preset/build.ninja ]]; then
  cmake --preset "$preset" --log-level=WARNING
fi
cmake --build "build/$preset" ${@:+--target "$@"}
