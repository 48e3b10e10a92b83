# In another guest: imports the image that live-root-export.sh made.
. "$IN/lib.sh"
mount /dev/vdb /mnt
before=$(cat /mnt/before) after=$(cat /mnt/after)
zgenhostid -f
echo $((RANDOM + 1)) > /sys/module/spl/parameters/spl_hostid || true

check_numbers() {
    local found
    found=$(tail -n 1 /copy/home/counter)
    check_equal "$1: the file has every number up to $found" "$(seq "$found")" "$(cat /copy/home/counter)"
    check "$1: $before was there before the checkpoint, $after came after it" \
        test "$found" -ge "$before" -a "$found" -lt "$after"
    found=$(tr -d '\0' < /dev/zvol/rpool/volume | fold -w 16 | sed 's/^0*//')
    check_equal "$1: the volume has every number up to $(tail -n 1 <<< "$found")" "$(seq "$(tail -n 1 <<< "$found")")" "$found"
    check_match "$1: the snapshots are there" '^rpool/ROOT/debian@second$' "$(zfs list -H -o name -t snapshot -r rpool)"
    check_equal "$1: the boot environment is there" rpool/ROOT/debian "$(zpool get -H -o value bootfs rpool)"
}
leaks() { zdb -e -p "$loop"p2 -bcc rpool 2>&1; }

passed() { echo "#   $SECONDS s: $1"; }

check 'the qcow2 is sound' qemu-img check /mnt/this.qcow2
check 'the qcow2 and the raw image are the same disk' qemu-img compare -f raw -F qcow2 /mnt/this.raw /mnt/this.qcow2
passed 'compared'
loop=$(losetup -rfP --show /mnt/this.raw)
udevadm settle
check_fails 1 "it is not imported without -f, since another host uses it" zpool import -R /copy -o readonly=on -d "$loop"p2 rpool
check 'it is imported read-only' zpool import -f -R /copy -o readonly=on -d "$loop"p2 rpool
udevadm settle
check_numbers read-only
zpool export rpool
losetup -d "$loop"
passed 'imported read-only'
loop=$(losetup -fP --show /mnt/this.raw)
udevadm settle
check 'zdb finds no leak' leaks
check 'it is imported' zpool import -f -R /copy -d "$loop"p2 rpool
udevadm settle
check_numbers imported
passed 'no leak, imported'
zpool scrub -w rpool
check_match 'a scrub repairs nothing' 'repaired 0B in .* with 0 errors' "$(zpool status rpool)"
check_match 'a scrub finds nothing' '^errors: No known data errors' "$(zpool status rpool)"
zpool status rpool
passed 'scrubbed'
check 'the EFI system partition is mounted' mount -o ro "$loop"p1 /media
check 'and has its boot loader' test -s /media/EFI/BOOT/BOOTX64.EFI
umount /media
check 'the GPT is sound' sgdisk -v "$loop"
zpool export rpool
losetup -d "$loop"
umount /mnt
