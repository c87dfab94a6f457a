#!/usr/bin/env bash
# run.sh [SCRIPT.py] [OPTIONS]: runs a benchmark (train_step.py if none is named) in the oracle environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

key=$(sha256sum tests/oracles/requirements.txt | cut -c1-12)
python=${XDG_CACHE_HOME:-$HOME/.cache}/easylm/oracles-$key/bin/python
if [[ ! -x $python ]]; then
  echo "error: there is no Python environment with transformers at $python" >&2
  echo "hint: ./setup.sh --tests makes it" >&2
  exit 1
fi
script=train_step.py
if [[ ${1:-} == *.py ]]; then script=$1 && shift; fi
exec "$python" -B "tests/bench/$script" "$@"
