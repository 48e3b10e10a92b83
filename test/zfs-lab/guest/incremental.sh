# slow
# limit: 1800
# Increments between two snapshots of a volume, by zfs send itself, over an image of the first: what
# they hold, and over which images they are refused.
. "$IN/lib.sh"

make_pool
printf 'a passphrase' > key

# change DEVICE: overwrites some blocks, frees others, writes to empty ones, none of it in whole
# blocks.
change() {
    dd if=/dev/urandom of="$1" bs=4K seek=3 count=5 conv=notrunc oflag=direct status=none
    blkdiscard -o $((1 << 20)) -l $((640 << 10)) "$1"
    dd if=/dev/zero of="$1" bs=64K seek=34 count=2 conv=notrunc oflag=direct status=none
    dd if=/dev/urandom of="$1" bs=64K seek=110 count=3 conv=notrunc oflag=direct status=none
}

has_size() {
    [ "$(blockdev --getsize64 "$1")" = "$2" ]
}

# same_disk IMAGE DEVICE
same_disk() {
    kexport raw "$1" --allow-backing -o same.raw -q && cmp same.raw "$2" || return 1
    rm same.raw
}

# BLOCK SIZE AFTER: volblocksize, and the size of the volume at @a and at @b in MiB.
while read -r block size after; do
    volume=tank/vm$block
    device=/dev/zvol/$volume
    make_zvol "$volume" "${size}M" -o volblocksize="$block" -o compression=lz4
    fill "$device" 2
    zfs snapshot "$volume@a"
    kexport qcow2 "$volume@a" -o "$block-a.qcow2" -q
    zfs set volsize="${after}M" "$volume"
    wait_until 30 has_size "$device" $((after << 20))
    change "$device"
    zfs snapshot "$volume@b"
    check "an increment of $block blocks is made of a disk that goes from $size to $after MiB" \
        kexport qcow2 "$volume@b" --incremental-from @a --backing-file "$block-a.qcow2" -o "$block-b.qcow2" -q
    check "and is the disk, with the image below it, of $block blocks" same_disk "$block-b.qcow2" "$device"
    check "and is small, of $block blocks" test "$(stat -c %s "$block-b.qcow2")" -lt $((1 << 20))
done << 'END'
8K 16 16
16K 16 24
64K 16 8
END

# The chain goes on, also from a bookmark, and nothing goes over the wrong image.
volume=tank/vm16K
device=/dev/zvol/$volume
zfs bookmark "$volume@b" "$volume#b"
zfs destroy "$volume@b"
dd if=/dev/urandom of="$device" bs=16K seek=9 count=3 conv=notrunc oflag=direct status=none
zfs snapshot "$volume@c"
check 'an increment over an increment is made from a bookmark' \
    kexport qcow2 "$volume@c" --incremental-from '#b' --backing-file 16K-b.qcow2 -o 16K-c.qcow2 -q
check 'and is the disk' same_disk 16K-c.qcow2 "$device"
check 'as kexport itself sees' kexport verify 16K-c.qcow2 --allow-backing --against "$volume@c"
kexport raw "$volume@c" --incremental-from @a --flatten 16K-a.qcow2 -o flat.raw -q
check 'an increment of both steps is flattened to the whole disk' cmp flat.raw "$device"
refusal=$(kexport qcow2 "$volume@c" --incremental-from '#b' --backing-file 16K-a.qcow2 -o wrong.qcow2 2>&1 || true)
check_match 'an increment is refused over the image of another snapshot of the volume' \
    '16K-a.qcow2 is the disk of the snapshot with the guid' "$refusal"
refusal=$(kexport qcow2 "$volume@c" --incremental-from @none --backing-file 16K-a.qcow2 -o wrong.qcow2 2>&1 || true)
check_match 'it is refused from a snapshot that is not there' '@none.* does not exist' "$refusal"
check_equal 'and leaves nothing' '' "$(find . -name '*wrong*')"

# Packages: several snapshots in one stream.
volume=tank/chain
device=/dev/zvol/$volume
make_zvol "$volume" 16M -o volblocksize=16K -o compression=lz4
fill "$device" 2
zfs snapshot "$volume@a"
kexport qcow2 "$volume@a" -o chain-a.qcow2 -q
change "$device"
zfs snapshot "$volume@b"
cp "$device" chain-b.raw
zfs set volsize=24M "$volume"
wait_until 30 has_size "$device" $((24 << 20))
dd if=/dev/urandom of="$device" bs=16K seek=1200 count=5 conv=notrunc oflag=direct status=none
blkdiscard -o $((6 << 20)) -l $((1 << 20)) "$device"
zfs snapshot "$volume@c"

# sent_over NAME SEND-ARGUMENTS -- KEXPORT-ARGUMENTS: makes a package NAME.qcow2 over the image of
# @a.
sent_over() {
    local name=$1 send=()
    shift
    while [ "$1" != -- ]; do send+=("$1") && shift; done
    zfs send "${send[@]}" | kexport qcow2 - --backing-file chain-a.qcow2 -o "$name.qcow2" -q "${@:2}"
}

while read -r name options; do
    # shellcheck disable=SC2086 # several words
    check "a package is made into one overlay: zfs send ${options:+$options }-I" sent_over "$name" $options -I @a "$volume@c" --
    check "and is the disk of the last snapshot, with the image below it: zfs send ${options:+$options }-I" same_disk "$name.qcow2" "$device"
    # shellcheck disable=SC2086
    check "another is made up to the snapshot between: zfs send ${options:+$options }-I" sent_over "$name-b" $options -I @a "$volume@c" -- --stream-snapshot b
    check "and is the disk of that one: zfs send ${options:+$options }-I" same_disk "$name-b.qcow2" chain-b.raw
    # shellcheck disable=SC2086
    zfs send $options -I @a "$volume@c" | kexport raw - --flatten chain-a.qcow2 -o "$name.raw" -q
    check "it is flattened: zfs send ${options:+$options }-I" cmp "$name.raw" "$device"
done << 'END'
plain
packed -c
large -L -e -c
replica -R
replica-p -R -c -p
END
for snapshot in b c; do
    zfs send -R -c "$volume@c" | kexport raw - --stream-snapshot "$snapshot" -o "whole-$snapshot.raw" -q
done
check 'zfs send -R holds the disk of its last snapshot' cmp whole-c.raw "$device"
check 'and the disk of one before' cmp whole-b.raw chain-b.raw
refusal=$(zfs send -I @b "$volume@c" | kexport qcow2 - --backing-file chain-a.qcow2 -o wrong.qcow2 2>&1 || true)
check_match 'a package is refused over the image of a snapshot that it does not begin at' \
    'chain-a.qcow2 is the disk of the snapshot with the guid' "$refusal"

# Only the size has changed, and the part that is gone was never written.
volume=tank/tail
device=/dev/zvol/$volume
make_zvol "$volume" 16M -o volblocksize=16K
fill "$device" 2
zfs snapshot "$volume@a"
kexport qcow2 "$volume@a" -o tail-a.qcow2 -q
zfs set volsize=8M "$volume"
wait_until 30 has_size "$device" $((8 << 20))
zfs snapshot "$volume@b"
kexport qcow2 "$volume@b" --incremental-from @a --backing-file tail-a.qcow2 -o tail-b.qcow2 -q
check 'an overlay of a disk that has only become smaller is the disk' same_disk tail-b.qcow2 "$device"
kexport raw "$volume@b" --incremental-from @a --flatten tail-a.qcow2 -o tail-b.raw -q
check 'and is the disk when it is flattened' cmp tail-b.raw "$device"
check_equal 'and has its size' $((8 << 20)) "$(stat -c %s tail-b.raw)"

make_zvol tank/secret 16M -o volblocksize=16K -o encryption=on -o keyformat=passphrase -o keylocation="file://$PWD/key"
device=/dev/zvol/tank/secret
fill "$device" 2
zfs snapshot tank/secret@a
kexport qcow2 /dev/zvol/tank/secret@a -o secret-a.qcow2 -q
change "$device"
zfs snapshot tank/secret@b
check 'an increment of an encrypted volume is made' \
    kexport qcow2 tank/secret@b --incremental-from @a --backing-file secret-a.qcow2 -o secret-b.qcow2 -q
check 'and is the disk, in the clear' same_disk secret-b.qcow2 "$device"
check 'the pool can be exported at once' zpool export tank
