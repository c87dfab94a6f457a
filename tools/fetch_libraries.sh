#!/usr/bin/env bash
# fetch_libraries.sh [--cuda]: fetches what an installed EasyLM needs and Debian doesn't have, LibTorch and Arrow, into
# lib/easylm of its tree; --cuda: also what LibTorch needs to use a GPU. setup.sh takes its functions from here.
set -euo pipefail

readonly TORCH_VERSION=2.11.0
readonly ARROW_VERSION=21.0.0

# The CPU half of LibTorch needs two small CUDA libraries; Python's `import torch` needs them all.
TORCH_PACKAGES=(torch==$TORCH_VERSION nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
CUDA_PACKAGES=(
  nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 nvidia-cudnn-cu13==9.19.0.56 nvidia-cufft==12.0.0.61
  nvidia-cufile==1.15.1.6 nvidia-curand==10.4.0.35 nvidia-cusolver==12.0.4.66 nvidia-cusparse==12.6.3.3
  nvidia-cusparselt-cu13==0.8.0 nvidia-nccl-cu13==2.28.9 nvidia-nvjitlink==13.0.88 nvidia-nvshmem-cu13==3.4.5
  nvidia-nvtx==13.0.85)

say() { printf 'setup: %s\n' "$*"; }
fail() {  # fail WHAT REMEDY
  printf 'setup: error: %s\n' "$1" >&2
  printf 'setup: hint: %s\n' "$2" >&2
  exit 1
}

# The functions below put things into $LIBTORCH and $ARROW, by way of folders in $CACHE.
python_with() {  # python_with MODULE...: the first python3 of PATH or the system that has them
  local python imports
  imports=$(printf 'import %s\n' "$@")
  for python in python3 /usr/bin/python3; do
    if "$python" -c "$imports" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  fail "no python3 here has: $*" "apt-get install python3-pip python3-venv"
}

new_folder() {  # a folder beside what it will become, so that a rename puts it in place whole
  mkdir -p "$CACHE"
  mktemp -d "$CACHE/.incomplete.XXXXXX"
}

pip_into() {  # pip_into FOLDER PACKAGE...: unpacks packages, without what they depend on
  local folder=$1 python
  shift
  python=$(python_with pip)
  # No pip cache: these are gigabytes, kept unpacked. TMPDIR: /tmp may be too small for them.
  mkdir -p "$folder.tmp"
  TMPDIR=$folder.tmp "$python" -m pip --disable-pip-version-check install --quiet --root-user-action ignore \
    --no-cache-dir --no-deps --only-binary :all: --target "$folder" "$@" || fail "pip could not fetch: $*" \
    "the message above says why; it needs a network, 8 GB of disk in $CACHE and Python 3.10 to 3.14 on x86-64"
  rm -rf "$folder.tmp"
}

install_libtorch() {
  [[ -e $LIBTORCH/torch/lib/libtorch_cpu.so ]] && return
  say "fetching LibTorch $TORCH_VERSION into $LIBTORCH (half a gigabyte to fetch, 1.2 unpacked)"
  local folder
  folder=$(new_folder)
  pip_into "$folder" "${TORCH_PACKAGES[@]}"
  [[ -e $folder/torch/lib/libtorch_cpu.so ]] ||
    fail "the package torch==$TORCH_VERSION holds no libtorch_cpu.so" "only Linux on x86-64 and arm64 has it"
  mv -T "$folder" "$LIBTORCH"
}

install_arrow() {
  [[ -e $ARROW/pyarrow/libparquet.so.2100 ]] && return
  say "fetching Arrow $ARROW_VERSION into $ARROW (40 MB to fetch, 140 unpacked)"
  local folder
  folder=$(new_folder)
  pip_into "$folder" "pyarrow==$ARROW_VERSION"
  [[ -e $folder/pyarrow/libparquet.so.2100 ]] ||
    fail "the package pyarrow==$ARROW_VERSION holds no libparquet.so.2100" "only Linux has it"
  mv -T "$folder" "$ARROW"
}

install_cuda() {  # without a GPU, Python's torch wants them all the same
  [[ -e $LIBTORCH/nvidia/cu13/lib/libcublas.so.13 ]] && return
  say "fetching the CUDA libraries that LibTorch's other half loads (1.5 GB to fetch, 2.7 unpacked)"
  local folder
  folder=$(new_folder)
  pip_into "$folder" "${CUDA_PACKAGES[@]}"
  cp -rlf "$folder/." "$LIBTORCH"  # hard links: pip itself replaces a folder that exists, or leaves it as it is
  rm -rf "$folder"
}

fetch_all() {
  local tree cuda=no argument
  [[ -e /dev/nvidiactl ]] && cuda=yes
  for argument in "$@"; do
    case $argument in
      --cuda) cuda=yes ;;
      -h | --help) sed -n '2,3s/^# \{0,1\}//p' "$0" && exit ;;
      *) fail "unknown argument: $argument" "$0 --help" ;;
    esac
  done
  tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  [[ -e $tree/lib/easylm/plugins ]] || fail "there is no EasyLM in $tree" "a checkout is set up by ./setup.sh"
  CACHE=$tree/lib/easylm LIBTORCH=$CACHE/libtorch ARROW=$CACHE/arrow
  [[ -w $CACHE ]] || fail "$CACHE can't be written" "run this as the user whom it belongs to"
  install_libtorch
  install_arrow
  if [[ $cuda == yes ]]; then install_cuda; fi
  say "everything is there"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then fetch_all "$@"; fi
