# What the scripts share; sourced by them, in the repository's root.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=.venv/bin/python
STAMP=.venv/.installed

# Debian packages, and a program of each by which it is known to be there.
declare -A PACKAGES=(
  [openvswitch-switch]=ovs-vswitchd
  [ovn-central]=ovn-northd
  [ovn-host]=ovn-controller
  [iproute2]=ip
  [nftables]=nft
  [ethtool]=ethtool
  [tcpdump]=tcpdump
  [iputils-ping]=ping
  [isc-dhcp-client]=dhclient
  [iperf3]=iperf3
  [openssl]=openssl
  [mmdebstrap]=mmdebstrap
  [containerd]=containerd
  [podman]=podman
  [runc]=runc
  [busybox-static]=busybox
  [docker.io]=dockerd
  [docker-compose]=docker-compose
)

# Let what real virtual machines need be installed, too.
need_qemu() {
  PACKAGES+=([qemu-system-x86]=qemu-system-x86_64 [qemu-utils]=qemu-img [e2fsprogs]=mke2fs)
}

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# The machine can run a whole OVN when this returns: everything is installed, and we are root.
ready_machine() {
  PATH=$PATH:/usr/sbin:/sbin
  local package missing=()
  for package in "${!PACKAGES[@]}"; do
    command -v "${PACKAGES[$package]}" >/dev/null || missing+=("$package")
  done
  if ((${#missing[@]})); then
    [[ -e /etc/debian_version ]] || die "this is not Debian; install what these Debian packages bring: ${missing[*]}"
    ((EUID == 0)) || die "root is needed to install: apt-get install ${missing[*]}"
    install_packages "${missing[@]}"
  fi
  ((EUID == 0)) || die "root is needed: OVN runs in network namespaces here"
}

# Install Debian packages; none of them starts a service.
install_packages() {
  say "installing: $*"
  local policy=/usr/sbin/policy-rc.d ours=""
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=$policy
  fi
  local status=0 apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
  { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"; } >/tmp/ovnest-apt.log 2>&1 || status=$?
  [[ -z $ours ]] || rm -f "$ours"
  if ((status)); then
    tail -n 20 /tmp/ovnest-apt.log >&2
    die "apt-get failed; the whole of it is in /tmp/ovnest-apt.log"
  fi
}

# .venv has exactly what the lock says, and ovnest itself, when this returns.
ready_venv() {
  local python=${OVNEST_PYTHON:-python3}
  local stamp
  stamp=$(cat requirements/dev.txt pyproject.toml <(pwd) | sha256sum)
  if [[ -e $STAMP && $(<"$STAMP") == "$stamp" ]] && $PYTHON -c '' 2>/dev/null; then
    return
  fi
  if ! $PYTHON -c '' 2>/dev/null; then
    ready_python "$python"
    rm -rf .venv
    "$python" -m venv .venv
  fi
  say "installing what requirements/dev.txt locks into .venv"
  local pip=("$PYTHON" -m pip --quiet --disable-pip-version-check --no-input install)
  quietly "${pip[@]}" --require-hashes --requirement requirements/dev.txt
  quietly "${pip[@]}" --no-deps --no-build-isolation --editable .
  printf '%s\n' "$stamp" >"$STAMP"
}

# A Python that is new enough and can make virtual environments, for which Debian has a package of its own.
ready_python() {
  if ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
    [[ -e /etc/debian_version ]] || die "there is no $1 with its venv module here"
    ((EUID == 0)) || die "root is needed to install: apt-get install python3-venv"
    install_packages python3-venv
  fi
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python 3.11 or later is needed, $1 is older (OVNEST_PYTHON names another)"
}

# Run a command, and show what it said only if it fails.
quietly() {
  local said
  said=$("$@" 2>&1) || { say "$said"; die "this failed: $*"; }
}

# The other OVN that the tests run on is there when this returns: 14 s the first time.
ready_ovn() {
  quietly $PYTHON -c 'import asyncio, sys; from ovnest.sandbox.release import find_release
asyncio.run(find_release(sys.argv[1]))' "$1"
}
