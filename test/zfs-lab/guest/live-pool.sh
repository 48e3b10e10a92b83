# boot: own
# disks: 320M 1G
# limit: 1800
# slow
# A pool is written to while its disk is exported: the image is imported and has the state of the
# checkpoint.
. "$IN/lib.sh"

# lay_out DISK: an EFI system partition, a pool's partition, swap, and gaps between them.
lay_out() {
    wipefs -qaf "$1"
    sgdisk -Z "$1" > /dev/null 2>&1 || true
    sgdisk -o -n 1:2048:+40M -t 1:ef00 -n 2:+8M:+240M -t 2:bf00 -n 3:+8M:+16M -t 3:8200 "$1" > /dev/null
    partprobe "$1"
    udevadm settle
    mkfs.vfat -F 32 "${1}1" > /dev/null
    mkswap "${1}3" > /dev/null
    mkdir -p /esp
    mount "${1}1" /esp
    head -c 5M /dev/urandom > /esp/kernel
    kernel=$(sha256sum < /esp/kernel)
    # Data in the gap, which must not be in the image.
    dd of="$1" bs=1M seek=43 count=4 iflag=fullblock conv=notrunc status=none < <(yes secret)
}

leaks() { zdb -e -p "$loop"p2 -bcc tank 2>&1; }

export_and_import() {
    make_it "$@"
    leave_secret tank /tank 48
    check "$1: what was deleted is on the disk" holds_secret /dev/vdb2
    start_writers
    wait_until 20 test -s /tank/counter
    old=
    zfs snapshot tank@old
    old=$(cat /tank/.zfs/snapshot/old/counter)
    sleep 3
    before=$(last_number) volume_before=$(last_of_volume)
    check "$1: the disk is exported while it is written to" \
        kexport raw,qcow2 /dev/vdb --checkpoint --output-dir "$images" --name "$1" --quiet
    tee said < "$work/.output"
    after=$(last_number) volume_after=$(last_of_volume)
    check "$1: nothing was copied for want of knowing what is free" silent "its free space is copied"
    check_fails 1 "$1: what was deleted is not in the image" holds_secret "$images/$1.raw"
    check "$1: the image takes $(size_on_disk "$images/$1.raw") MiB, less than what was deleted" \
        test "$(size_on_disk "$images/$1.raw")" -lt 40
    check_equal "$1: no checkpoint is left" - "$(zpool get -Hp -o value checkpoint tank)"
    check_equal "$1: no property is left" "" "$(zfs get -H -o value -s local kexport:checkpoint tank)"
    stop_writers
    umount /esp
    wait_until 60 zpool export tank # a killed writer of the volume may still wait for its fsync
    wipefs -qaf /dev/vdb2
    loop=$(losetup -rfP --show "$images/$1.raw")
    udevadm settle
    check "$1: it is imported read-only" zpool import -o readonly=on -d "$loop"p2 tank
    check_numbers "$1, read-only"
    check_equal "$1: nothing is wrong with it" 'No known data errors' "$(errors)"
    zpool export tank
    losetup -d "$loop"
    loop=$(losetup -fP --show "$images/$1.raw")
    udevadm settle
    check "$1: zdb finds no leak before it is written to" leaks
    check "$1: it is imported" zpool import -d "$loop"p2 tank
    check_numbers "$1"
    zpool scrub -w tank
    check_match "$1: a scrub repairs nothing" 'repaired 0B in .* with 0 errors' "$(zpool status tank)"
    check_equal "$1: a scrub finds nothing" 'No known data errors' "$(errors)"
    echo more >> /tank/counter
    zpool export tank
    check "$1: zdb finds no leak" leaks
    grep -E 'leaked|No leaks' "$work/.output" || true
    check "$1: it is imported again" zpool import -d "$loop"p2 tank
    zpool destroy tank
    mount -o ro "$loop"p1 /esp
    check_equal "$1: the EFI system partition holds its file" "$kernel" "$(sha256sum < /esp/kernel)"
    umount /esp
    check_equal "$1: the gap is zeros" 0 "$(dd if="$loop" bs=1M skip=43 count=4 status=none | tr -d '\0' | wc -c)"
    check "$1: the swap partition is one" blkid -t TYPE=swap "$loop"p3
    check "$1: the GPT is sound" sgdisk -v "$loop"
    losetup -d "$loop"
    check "$1: the qcow2 is sound" qcow2_is_sound "$1"
    rm -f "$images/$1".*
}

# The raw image was written to by now, so the qcow2 is only checked.
qcow2_is_sound() { qemu-img check "$images/$1.qcow2"; }

make_it() {
    lay_out /dev/vdb
    zpool create -f -o cachefile=none -O compression=off -o ashift="${1#ashift}" -m /tank tank "${@:2}" /dev/vdb2
    zfs create tank/files
    make_zvol tank/volume 16M
    udevadm settle
}

images=/var/tmp/images
mkdir -p "$images"
for ashift in ${ASHIFTS:-12 9}; do export_and_import "ashift$ashift"; done
