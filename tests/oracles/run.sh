#!/usr/bin/env bash
# run.sh PYTHON TEST.py: runs one live test in the oracle environment; without that environment it fails, and says so.
set -euo pipefail

python=$1
if [[ ! -e $(dirname "$(dirname "$python")")/complete ]]; then
  echo "error: the Python environment of the live tests is not in $(dirname "$(dirname "$python")")" >&2
  echo "hint: ./setup.sh --tests makes it" >&2
  exit 1
fi
# -p no:cacheprovider: nothing is written into the checkout.
exec "$python" -B -m pytest -q -p no:cacheprovider --rootdir "$(dirname "$2")" "$2"
