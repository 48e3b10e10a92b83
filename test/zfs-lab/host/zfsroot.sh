# slow
# An image of a disk with its root on ZFS boots by its own boot loader, its pool and its files
# right.
. "$(dirname "$(realpath "$0")")/lib.sh"

"$lab/build-zfsroot.sh"
node "$lab/../../dist/bundle/kexport.cjs" qcow2 "$root" --quiet -o "$work/disk.qcow2"
check 'an image of a disk with its root on ZFS boots, its pool and files right' \
    "$lab/boot-image.sh" qcow2 "$work/disk.qcow2"
