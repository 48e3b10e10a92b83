# slow
# An image of a disk with its root on ZFS boots by its own boot loader, its pool and its files
# right.
set -euo pipefail
lab=$(dirname "$(realpath "$0")")/..
disk=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")/zfsroot.raw
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$lab/build-zfsroot.sh"
node "$lab/../../dist/bundle/kexport.cjs" qcow2 "$disk" --quiet -o "$work/disk.qcow2"
if "$lab/boot-image.sh" qcow2 "$work/disk.qcow2" > "$work/console"; then
    echo 'ok zfsroot: an image of a disk with its root on ZFS boots, its pool and files right'
else
    echo 'not ok zfsroot: an image of a disk with its root on ZFS boots, its pool and files right'
fi
sed 's/^/#   /' "$work/console"
