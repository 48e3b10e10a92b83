# limit: 600
# Volumes, snapshots and files on ZFS as sources: the image is the snapshot, and no snapshot or
# clone of ours stays.
. "$IN/lib.sh"

# device_of NAME: waits for the device of a volume and prints it.
device_of() {
    wait_until 30 test -b "/dev/zvol/$1" && echo "/dev/zvol/$1"
}

same_as_snapshot() { # IMAGE SNAPSHOT
    zfs clone -o readonly=on "$2" tank/compare
    cmp "$1" "$(device_of tank/compare)" || return 1
    udevadm settle
    zfs destroy tank/compare
}

kexport_snapshot() {
    zfs list -H -t snapshot -o name | grep "^$1@kexport-"
}

make_pool
zfs create tank/files
zfs create -o volmode=none -V 16M tank/hidden
make_zvol tank/vm8 16M -o volblocksize=8K
make_zvol tank/vm16 24M -o volblocksize=16K
make_zvol tank/vm64 16M -o volblocksize=64K -o snapdev=visible
fill /dev/zvol/tank/vm8 4
fill /dev/zvol/tank/vm16 6
fill /dev/zvol/tank/vm64 6
before=$(zfs list -H -t all -o name)

# A writer that never stops, through the page cache as a hypervisor may write, and a whole export.
(while :; do dd if=/dev/urandom of=/dev/zvol/tank/vm16 bs=64K count=8 seek=$((RANDOM % 370)) conv=notrunc status=none; sleep 0.5; done) &
writer=$!
kexport qcow2,raw tank/vm16 --name live --quiet 2> live.err &
export=$!
check 'a snapshot of ours appears' wait_until 200 kexport_snapshot tank/vm16
sed 's/^/# /' live.err
snapshot=$(kexport_snapshot tank/vm16)
zfs hold mine "$snapshot"
check 'a volume is exported while it is written to' wait "$export"
kill "$writer"
wait "$writer" || true
check 'the raw image is the snapshot, byte for byte' same_as_snapshot live.raw "$snapshot"
check_fails 1 'the volume has changed since' cmp -s live.raw /dev/zvol/tank/vm16
check 'the qcow2 image is the same' qemu-img compare -f qcow2 -F raw live.qcow2 live.raw
check_match 'a snapshot that somebody holds stays, and is reported' "warning: $snapshot is left behind: .*zfs destroy $snapshot" "$(cat live.err)"
zfs release mine "$snapshot"
zfs destroy "$snapshot"
check_equal 'nothing else of it stays' "$before" "$(zfs list -H -t all -o name)"

# The image has what is only in the page cache.
dd if=/dev/urandom of=/dev/zvol/tank/vm8 bs=64K count=3 seek=5 conv=notrunc status=none
kexport raw tank/vm8 -o vm8.raw --quiet
check 'a volume of 8 KiB blocks is exported with what the kernel had not written yet' cmp vm8.raw /dev/zvol/tank/vm8

zfs snapshot tank/vm64@one
cp --sparse=never /dev/zvol/tank/vm64 expected.raw
dd if=/dev/zero of=/dev/zvol/tank/vm64 bs=1M count=4 oflag=direct status=none
kexport raw tank/vm64@one -o vm64.raw --quiet
check 'a snapshot is exported as it is, by the device that snapdev=visible gives it' cmp vm64.raw expected.raw
zfs set snapdev=hidden tank/vm64
kexport raw /dev/zvol/tank/vm64@one -o vm64-hidden.raw --quiet
check 'a snapshot without a device is exported by the path that it would have' cmp vm64-hidden.raw expected.raw
kexport sources > sources.out
check_match 'kexport sources lists a volume, with the command to type' '^tank/vm64 .* kexport all tank/vm64$' "$(cat sources.out)"
check_match 'and its snapshot' '^  @one .* kexport all tank/vm64@one$' "$(cat sources.out)"
check 'the snapshot is still there' zfs destroy tank/vm64@one

sgdisk -n 1:1M:+8M /dev/zvol/tank/vm64 > /dev/null
udevadm settle # udev reads the table again, and makes the partition anew
wait_until 30 test -b /dev/zvol/tank/vm64-part1
fill /dev/zvol/tank/vm64-part1 2
kexport raw "$(realpath /dev/zvol/tank/vm64-part1)" -o part.raw --quiet 2> part.err
check 'a partition is exported as what it is' cmp part.raw /dev/zvol/tank/vm64-part1
check_match 'and its volume is named' 'one partition of the ZFS volume tank/vm64' "$(cat part.err)"

cp vm8.raw /tank/files/disk.img
kexport raw /tank/files/disk.img -o file.raw --quiet
check 'a file on a dataset is exported' cmp file.raw vm8.raw
kexport raw tank/hidden -o hidden.raw --quiet
check_equal 'a volume without a device is exported' $((16 * 1024 * 1024)) "$(stat -c %s hidden.raw)"
kexport raw tank/vm8 --no-snapshot -o direct.raw 2> direct.err
check '--no-snapshot reads the volume itself' cmp direct.raw /dev/zvol/tank/vm8
check_match 'and says so' 'tank/vm8 is read as it is, without a snapshot' "$(cat direct.err)"
check_equal 'nothing of all these stays' "$before" "$(zfs list -H -t all -o name)"
check 'the pool can be exported at once' zpool export tank
