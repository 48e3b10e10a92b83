#!/usr/bin/env bash
# Makes zfsroot.raw beside the guest: a sparse UEFI disk of 7 GiB with an ESP and a pool, rpool,
# with a copy of the guest's root. Takes five minutes in emulation; the disk is kept.
set -euo pipefail
lab=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")
here=$(dirname "$(realpath "$0")")

"$here/build-guest.sh"
exec 9> "$lab/.zfsroot.lock"
flock 9
# Made anew after a change to the guest or to the script that makes it.
made_by=$(cat "$lab/guest/recipe" "$here/in-guest/make-zfsroot.sh" | sha256sum)
if [ "$(cat "$lab/zfsroot.made-by" 2> /dev/null)" = "$made_by" ]; then exit; fi
echo 'building a disk with its root on ZFS (some minutes, once)'
rm -f "$lab/zfsroot.made-by" "$lab/zfsroot.raw"
trap 'rm -f "$lab/zfsroot.partial" "$lab/zfsroot.log"' EXIT
truncate -s 7G "$lab/zfsroot.partial"
"$here/boot-guest.sh" -D "$lab/zfsroot.partial" -t 900 "$here/in-guest/make-zfsroot.sh" > "$lab/zfsroot.log" 2>&1 || {
    tail -n 40 "$lab/zfsroot.log"
    echo 'the disk with its root on ZFS cannot be built'
    exit 1
} >&2
mv "$lab/zfsroot.partial" "$lab/zfsroot.raw"
echo "$made_by" > "$lab/zfsroot.made-by"
