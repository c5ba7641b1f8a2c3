#!/bin/bash
# build.sh SUITE DIR
# Build (or complete) a chroot DIR of Debian SUITE (trixie: GIMP 3.0, sid: GIMP 3.2) with GIMP 3,
# its Python bindings, a headless X display and the tools that drive a window.  What is there
# already is kept; a finished rig returns at once.  Needs root on a Debian-like machine.
# GIMP3_EXTRA="pkg ..." adds packages.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,6p' "$0" >&2; exit 64; }
suite=$1; mkdir -p "$2"; dir=$(readlink -f -- "$2"); here=$(dirname "$(readlink -f -- "$0")")
pkgs="gimp gir1.2-gimp-3.0 python3 python3-gi python3-gi-cairo
  xvfb xauth xdotool openbox dbus dbus-x11 imagemagick scrot x11-utils
  fonts-dejavu-core adwaita-icon-theme shared-mime-info gir1.2-gtk-3.0
  python3-venv ${GIMP3_EXTRA:-}"
stamp=$dir/var/lib/gimp3_rig.done
want=$(echo $suite $pkgs worker:)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then echo "rig ready: $dir"; exit 0; fi
if ! command -v debootstrap >/dev/null; then
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap
fi
# 1. base system.  An interrupted debootstrap leaves DIR/debootstrap: start again.
#    Any other folder that holds something and is no Debian root is left alone.
if [ -d "$dir/debootstrap" ] || [ ! -e "$dir/var/lib/dpkg/status" ]; then
  if [ ! -d "$dir/debootstrap" ] && [ -n "$(ls -A "$dir")" ]; then
    echo "build.sh: $dir is not empty and no rig: not touched" >&2; exit 73
  fi
  find "$dir" -mindepth 1 -maxdepth 1 -exec rm -rf --one-file-system {} +
  debootstrap --variant=minbase "$suite" "$dir"
fi
# 2. the host's apt transport settings (proxy, check-date...), without its hooks
apt-config dump 2>/dev/null \
  | grep -E '^Acquire::(http|https|Check-Date|Check-Valid-Until|Retries)' \
  > "$dir/etc/apt/apt.conf.d/50host" || true
cat > "$dir/etc/apt/apt.conf.d/51rig" <<'A'
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
A
mkdir -p "$dir/etc/dpkg/dpkg.cfg.d"
cat > "$dir/etc/dpkg/dpkg.cfg.d/rig" <<'A'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
force-unsafe-io
A
printf '#!/bin/sh\nexit 101\n' > "$dir/usr/sbin/policy-rc.d"; chmod +x "$dir/usr/sbin/policy-rc.d"
# 3. packages
run() { "$here/enter.sh" -e DEBIAN_FRONTEND=noninteractive "$dir" "$@"; }
run dpkg --configure -a
run apt-get update -q
run apt-get install -y -q --no-install-recommends $pkgs
run apt-get clean
# 4. a plain user (GIMP runs as root too, but a real profile is not root's)
run sh -c 'id gimp >/dev/null 2>&1 || useradd -m -s /bin/bash gimp'
run gimp-console --version
echo "$want" > "$stamp"
echo "rig ready: $dir"
