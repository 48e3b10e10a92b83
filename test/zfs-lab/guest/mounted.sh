# limit: 1800
# slow
# A mounted disk is never copied without a word, by whatever device; --live-inconsistent freezes its
# file systems, and they are thawed whatever happens.
. "$IN/lib.sh"
set -m # the writer is a process group, to be stopped as a whole
stop() { kill -KILL -- "-$1" 2> /dev/null && wait "$1" 2> /dev/null || true; }
sgdisk -o -n 1:1M:+160M -n 2:0:+400M /dev/vdc > /dev/null
partprobe /dev/vdc
udevadm settle
mkfs.ext4 -q -E lazy_itable_init=0 /dev/vdc1
mkfs.xfs -q -f /dev/vdc2
mkdir -p /mnt/one /mnt/two /mnt/image
mount /dev/vdc1 /mnt/one
mount /dev/vdc2 /mnt/two
said_of() { kexport raw "$@" -o image.raw --force 2>&1 || true; }

for device in /dev/vdc /dev/vdc1; do
    check_match "$device: a warning" "$device is mounted read-write at /mnt/one" "$(said_of $device)"
done
loop=$(losetup -f --show image.raw)
mkdir -p /mnt/loop
mount "$loop" /mnt/loop
check_match 'a loop device: a warning' "$loop is mounted read-write at /mnt/loop" "$(kexport raw "$loop" -o loop.raw 2>&1)"
umount /mnt/loop
losetup -d "$loop"
rm loop.raw
truncate -s 64M file
loop=$(losetup -f --show file)
dmsetup create layer --table "0 $(blockdev --getsz "$loop") linear $loop 0"
udevadm settle
mkfs.ext4 -q /dev/mapper/layer
mount /dev/mapper/layer /mnt/loop
check_match 'a device of the device mapper: a warning' '/dev/mapper/layer is mounted read-write at /mnt/loop' \
    "$(said_of /dev/mapper/layer)"
check_match 'and of the device below it' "$loop is mounted read-write at /mnt/loop" "$(said_of "$loop")"
umount /mnt/loop
dmsetup remove layer
losetup -d "$loop"
check_match 'without a disk, it says what / is on' 'no disk to export as all is given, and / is ext4 on all of /dev/vda' \
    "$(kexport all 2>&1 || true)"

(
    for ((n = 1; ; n++)); do
        echo "$n" >> /mnt/one/counter && sync -d /mnt/one/counter
        echo "$n" >> /mnt/two/counter && sync -d /mnt/two/counter
    done
) 2> /dev/null &
writer=$!
wait_until 60 test -s /mnt/two/counter
before=$(tail -n 1 /mnt/one/counter)
out=$(said_of /dev/vdc --live-inconsistent --limit-rate 100M)
after=$(tail -n 1 /mnt/one/counter)
check_match 'with --live-inconsistent, both are frozen' '/mnt/one is frozen until /dev/vdc is read' "$out"
check_equal 'and nothing is said of the image being torn' '' "$(grep -F 'in part' <<< "$out" || true)"
grows() { test "$(tail -n 1 /mnt/one/counter)" -gt "$after"; }
check 'they are written to again' wait_until 20 grows
loop=$(losetup -fP --show image.raw)
udevadm settle
check 'ext4 in the image is sound' e2fsck -fn "$loop"p1
check 'XFS replays its log' mount -o nouuid "$loop"p2 /mnt/image
umount /mnt/image
check 'and is sound' xfs_repair -n "$loop"p2
mount -o ro "$loop"p1 /mnt/image
found=$(tail -n 1 /mnt/image/counter)
check_equal "every number up to $found is there" "$(seq "$found")" "$(cat /mnt/image/counter)"
check "$before came before the freeze, $after after it" test "$found" -ge "$before" -a "$found" -le "$after"
umount /mnt/image
losetup -d "$loop"

check_match 'what the image is written to is not frozen' '/mnt/one, which is not frozen: kexport writes to it' \
    "$(kexport raw /dev/vdc1 --live-inconsistent -o /mnt/one/image.raw --limit-rate 100M 2>&1 || true)"
rm -f /mnt/one/image.raw*
cd /mnt/two
check_match 'nor is the current folder' '/mnt/two, which is not frozen' \
    "$(kexport raw /dev/vdc2 --live-inconsistent -o "$work/image.raw" --force 2>&1 || true)"
cd "$work"

mkfifo pipe
for signal in KILL TERM INT; do
    : > said
    kexport raw /dev/vdc1 --live-inconsistent --quiet -o - > pipe 2> said &
    running=$!
    exec 3< pipe # which nobody reads
    check "SIG$signal: it is frozen first" wait_until 120 grep -q 'is frozen until' said
    # What waits for a frozen file system cannot be killed, so it is left to wait.
    dd if=/dev/zero of=/mnt/one/probe bs=512 count=1 conv=fsync 2> /dev/null &
    probe=$!
    sleep 3
    check "SIG$signal: what writes there waits" kill -0 $probe
    kill -$signal $running
    wait $running 2> /dev/null || true
    exec 3<&-
    written() { ! kill -0 $probe; }
    check "SIG$signal thaws it" wait_until 20 written
done
stop $writer
umount /mnt/one /mnt/two
