#!/bin/bash
# enter.sh [-b HOSTDIR[:INDIR]]... [-e NAME=VALUE]... [-u USER] [-w WORKDIR] DIR COMMAND [ARG...]
# Run COMMAND inside the chroot DIR built by build.sh, in mount, pid and ipc
# namespaces of its own: the mounts are never seen outside and every process
# started by COMMAND ends with it.  Needs root (or CAP_SYS_ADMIN+CAP_SYS_CHROOT).
# -b  bind HOSTDIR at INDIR in the chroot (default: the same path); repeatable
# -e  set an environment variable for COMMAND; repeatable
# -u  run as this user of the chroot (default root)
# -w  working directory inside the chroot (default: first -b, else /root)
set -euo pipefail
binds=() envs=() user=root wd=
while getopts b:e:u:w: o; do case $o in
  b) binds+=("$OPTARG");; e) envs+=("$OPTARG");; u) user=$OPTARG;; w) wd=$OPTARG;;
  *) sed -n '2,9p' "$0" >&2; exit 64;;
esac; done
shift $((OPTIND-1))
[ $# -ge 2 ] || { sed -n '2,9p' "$0" >&2; exit 64; }
dir=$(readlink -f -- "$1"); shift
[ -x "$dir/usr/bin/env" ] || { echo "enter.sh: $dir is no chroot" >&2; exit 64; }

if [ -z "${GIMP3_IN_NS:-}" ]; then
  args=(); for b in ${binds[@]+"${binds[@]}"}; do args+=(-b "$b"); done
  for e in ${envs[@]+"${envs[@]}"}; do args+=(-e "$e"); done
  export GIMP3_IN_NS=1
  exec unshare --mount --pid --ipc --fork --kill-child --propagation private -- \
    bash "$0" ${args[@]+"${args[@]}"} -u "$user" ${wd:+-w "$wd"} "$dir" "$@"
fi

mkdir -p "$dir"/{proc,sys,dev,tmp}
mount -t proc proc "$dir/proc"
mount -t sysfs -o ro sysfs "$dir/sys" 2>/dev/null || mount --rbind /sys "$dir/sys"
mount --rbind /dev "$dir/dev"
mount -t tmpfs -o mode=1777 tmpfs "$dir/dev/shm"
[ ! -e /etc/resolv.conf ] || { rm -f "$dir/etc/resolv.conf"; cp -L /etc/resolv.conf "$dir/etc/resolv.conf"; }
for b in ${binds[@]+"${binds[@]}"}; do
  src=$(readlink -f -- "${b%%:*}"); dst=${b#*:}
  [ -d "$src" ] || { echo "enter.sh: $src is no directory" >&2; exit 66; }
  mkdir -p "$dir/$dst"; mount --bind "$src" "$dir/$dst"; : "${wd:=$dst}"
done
home=$(awk -F: -v u="$user" '$1==u{print $6}' "$dir/etc/passwd"); : "${home:=/root}" "${wd:=$home}"
# a clean environment: nothing of the caller's PYTHON*, LD_*, XDG_*, DISPLAY leaks in
exec chroot --userspec="$user" "$dir" /usr/bin/env -i \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC \
  NO_AT_BRIDGE=1 GTK_A11Y=none ${envs[@]+"${envs[@]}"} \
  /bin/sh -c 'cd "$0" && exec "$@"' "$wd" "$@"
