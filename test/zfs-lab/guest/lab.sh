# The lab itself: what all other tests need.
. "$IN/lib.sh"

check 'ZFS is loaded' test -c /dev/zfs
check 'kexport runs' kexport --version
check_fails 2 'a command line that makes no sense is refused' kexport nonsense

make_pool
make_zvol tank/disk 64M -o volblocksize=16K
fill /dev/zvol/tank/disk 8
kexport qcow2,raw /dev/zvol/tank/disk --output-dir . --name disk --quiet
check 'a raw image has the bytes of the zvol' cmp disk.raw /dev/zvol/tank/disk
check 'a qcow2 image has the bytes of the zvol' qemu-img compare -f qcow2 -F raw disk.qcow2 disk.raw
