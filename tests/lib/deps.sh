# Installs what is missing, from Debian and from the npm lock files; sourced by tests/run, web-demo/run and .ci/run.
# Each function looks first and is silent when nothing has to be done. Needs root or sudo only when something is missing.

weft_say() { printf '== %s\n' "$*" >&2; }

# weft_as_root COMMAND...: as it is for root, through sudo for others.
weft_as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    weft_say "this needs root, and there is no sudo: $*"
    return 1
  fi
}

weft_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The lists of packages are fetched once per run, and only when something is missing.
weft_apt_update() {
  [ -z "${WEFT_APT_UPDATED:-}" ] || return 0
  weft_as_root apt-get -qq update
  WEFT_APT_UPDATED=1
}

# weft_apt PACKAGE...: installs those that are not there.
weft_apt() {
  local package missing=()
  for package in "$@"; do
    weft_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || {
    weft_say "not a Debian system; please install: ${missing[*]}"
    return 1
  }
  weft_say "installing ${missing[*]}"
  weft_apt_update
  weft_as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
    install --no-install-recommends "${missing[@]}" >/dev/null
}

# The compiler, the build tools and the libraries that weft links.
weft_need_native() {
  weft_apt gcc libc6-dev cmake ninja-build pkg-config \
    libuv1-dev liblmdb-dev libzstd-dev libxxhash-dev libjansson-dev libssl-dev libwslay-dev libcmocka-dev
  # llhttp: a library of its own in newer releases, C sources inside a Node package in Debian 12.
  if ! weft_installed libllhttp-dev && ! weft_installed node-llhttp; then
    weft_apt_update
    if apt-cache show libllhttp-dev >/dev/null 2>&1; then
      weft_apt libllhttp-dev
    else
      weft_apt node-llhttp
    fi
  fi
}

# Node 18 or newer, with npm; Debian's, unless another one is there.
weft_need_node() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  if [ "$major" -ge 18 ]; then
    command -v npm >/dev/null || weft_apt npm
  else
    weft_apt nodejs npm
  fi
}

weft_need_browser() { weft_apt chromium; }

# weft_npm DIR: what DIR/package-lock.json says, in DIR/node_modules; a stamp of the lock file tells that it is there.
weft_npm() {
  local lock=$1/package-lock.json stamp=$1/node_modules/.weft-lock
  if cmp -s "$lock" "$stamp"; then
    return 0
  fi
  weft_say "npm ci in $1"
  npm ci --prefix "$1" --no-audit --no-fund --loglevel=error >&2
  cp "$lock" "$stamp"
}
