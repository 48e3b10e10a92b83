# boot: own
# disks: 1G 1G
# limit: 2400
# slow
# A disk with a boot partition and LVM is exported while its volumes are written to: the image has
# LVM as it was before the snapshots, and each volume as of its own. A kill at any step leaves only
# what kexport clean removes.
. "$IN/lib.sh"
set -m # the writer is a process group, to be stopped as a whole
stop() { kill -KILL -- "-$1" 2> /dev/null && wait "$1" 2> /dev/null || true; }
left() { lvs --noheadings -o lv_name vg | grep kexport- || true; }
sgdisk -o -n 1:1M:+40M -t 1:ef00 -n 2:+8M:+800M -t 2:8e00 /dev/vdb > /dev/null
partprobe /dev/vdb
udevadm settle
mkfs.vfat -F 32 /dev/vdb1 > /dev/null
vgcreate -qq -y vg /dev/vdb2
lvcreate -qq -y -Wn -L 60M -n root vg
lvcreate -qq -y -Wn -L 100M -n other vg
lvextend -qq -y -L 200M vg/root # so it has two segments
lvcreate -qq -y -Wn -L 32M -n swap vg
lvcreate -qq -y -Wn -L 32M -n idle vg
lvcreate -qq -y -Wn -L 32M -n gone vg
# yes is stopped half way.
dd of=/dev/vg/gone bs=1M count=32 iflag=fullblock oflag=direct status=none < <(yes deleted-secret || true)
lvremove -qq -y vg/gone
mkfs.ext4 -q -E lazy_itable_init=0 /dev/vg/root
mkfs.ext4 -q -E lazy_itable_init=0 /dev/vg/other
head -c 32M /dev/urandom > idle
dd if=idle of=/dev/vg/idle bs=1M oflag=direct status=none
mkswap /dev/vg/swap > /dev/null
swapon /dev/vg/swap
mkdir -p /mnt/root /mnt/other /mnt/boot
mount /dev/vg/root /mnt/root
mount /dev/vg/other /mnt/other
mount /dev/vdb1 /mnt/boot
head -c 5M /dev/urandom > /mnt/boot/kernel
kernel=$(sha256sum < /mnt/boot/kernel)
(
    for ((n = 1; ; n++)); do
        for folder in /mnt/root /mnt/other; do
            echo "$n" >> $folder/counter && sync -d $folder/counter
            head -c 100K /dev/urandom > "$folder/file$((n % 20))"
        done
    done
) 2> /dev/null &
writer=$!
wait_until 60 test -s /mnt/other/counter

out=$(kexport raw /dev/vdb --checkpoint --dry-run 2>&1)
echo "$out" | sed 's/^/#   /'
check_match 'the plan names each volume' '^  vg/root .* from a snapshot' "$out"
check_match 'and swap' '^  vg/swap .* swap: its header, then zeros' "$out"
was=$(vgs --noheadings -o vg_seqno,lv_count vg)
before=$(tail -n 1 /mnt/root/counter) other_before=$(tail -n 1 /mnt/other/counter)
check 'the disk is exported while it is written to' kexport raw /dev/vdb --checkpoint -o image.raw --limit-rate 200M
sed 's/^/#   /' "$work/.output"
after=$(tail -n 1 /mnt/root/counter) other_after=$(tail -n 1 /mnt/other/counter)
check_equal 'no snapshot is left' '' "$(left)"

mkfifo pipe
no_lvm() { ! pgrep -x lvcreate; } # one that goes on without kexport
for moment in 0.5 1 2 4 8; do
    for signal in KILL TERM; do
        kexport raw /dev/vdb --checkpoint --quiet -o - > pipe 2> said &
        running=$!
        exec 3< pipe # which nobody reads
        sleep $moment
        kill -$signal $running 2> /dev/null || true
        wait $running 2> /dev/null || true
        exec 3<&-
        if [ $signal = KILL ]; then
            wait_until 60 no_lvm
            kexport clean 2>&1 | sed "s/^/#   $moment s: /"
        fi
        check_equal "SIG$signal after $moment s: nothing is left" '' "$(left)"
    done
done

stop $writer
swapoff /dev/vg/swap
umount /mnt/root /mnt/other /mnt/boot
vgchange -qq -an vg
wipefs -qaf /dev/vdb2 /dev/vdb
partprobe /dev/vdb
udevadm settle
check_fails 1 'what was in a removed volume is not in the image' holds_secret image.raw
loop=$(losetup -fP --show image.raw)
udevadm settle
check 'the GPT is sound' sgdisk -v "$loop"
pvscan --cache "$loop"p2 > /dev/null || true
check 'LVM in the image is sound' vgck vg
check_equal 'it has its volumes and no snapshot' 'idle other root swap' "$(lvs --noheadings -o lv_name vg | xargs)"
vgchange -qq -ay vg
udevadm settle
for volume in root other; do check "ext4 on $volume is sound" e2fsck -fn /dev/vg/$volume; done
mount /dev/vg/root /mnt/root
mount /dev/vg/other /mnt/other
check_numbers() {
    local found
    found=$(tail -n 1 "$1/counter")
    check_equal "$1: every number up to $found is there" "$(seq "$found")" "$(cat "$1/counter")"
    check "$1: $2 came before the snapshot, $3 after it" test "$found" -ge "$2" -a "$found" -lt "$3"
}
check_numbers /mnt/root "$before" "$after"
check_numbers /mnt/other "$other_before" "$other_after"
check 'a volume that nothing had open is the same' cmp idle /dev/vg/idle
check 'swap is swap' blkid -t TYPE=swap /dev/vg/swap
mount -o ro "$loop"p1 /mnt/boot
check_equal 'the boot partition holds its file' "$kernel" "$(sha256sum < /mnt/boot/kernel)"
umount /mnt/boot /mnt/root /mnt/other
vgchange -qq -an vg
losetup -d "$loop"
