# limit: 1800
# slow
# Logical volumes, thick and thin, are exported from a snapshot while ext4 and XFS on them are
# written to; a snapshot that runs full ends the export; nothing is left.
. "$IN/lib.sh"
shopt -s inherit_errexit
vgcreate -qq -y vg /dev/vdb
lvcreate -qq -y -Wn -L 320M -n thick vg
lvcreate -qq -y -L 800M --thinpool pool vg
lvcreate -qq -y -V 320M --thinpool pool -n thin vg
mkdir -p /mnt/volume /mnt/image
set -m # each writer a process group, to be stopped as a whole
stop() { kill -KILL -- "-$1" 2> /dev/null && wait "$1" 2> /dev/null || true; }
left() { lvs --noheadings -o lv_name vg | grep kexport- || true; }
changes() { vgs --noheadings -o vg_seqno vg; }

# make_and_write VOLUME TYPE: a mounted file system, with numbers written in their order.
make_and_write() {
    wipefs -qaf "/dev/vg/$1"
    case $2 in
        ext4) mkfs.ext4 -q -E lazy_itable_init=0 "/dev/vg/$1" ;;
        xfs) mkfs.xfs -q -f "/dev/vg/$1" ;;
    esac
    mount "/dev/vg/$1" /mnt/volume
    (
        for ((n = 1; ; n++)); do
            echo "$n" >> /mnt/volume/counter && sync -d /mnt/volume/counter
            head -c 100K /dev/urandom > "/mnt/volume/file$((n % 20))"
        done
    ) 2> /dev/null &
    writer=$!
    wait_until 60 test -s /mnt/volume/counter
}

# sound TYPE: a freeze leaves the journal of ext4 empty, but the log of XFS to be replayed.
sound() {
    case $1 in
        ext4) e2fsck -fn image.raw ;;
        xfs) mount -o loop,nouuid image.raw /mnt/image && umount /mnt/image && xfs_repair -n -f image.raw ;;
    esac
}

# check_numbers WHAT TYPE: the image must have all numbers up to one that was written meanwhile.
check_numbers() {
    local found
    case $2 in
        ext4) mount -o loop image.raw /mnt/image ;;
        xfs) mount -o loop,nouuid image.raw /mnt/image ;; # beside the original
    esac
    found=$(tail -n 1 /mnt/image/counter)
    check_equal "$1: every number up to $found is there" "$(seq "$found")" "$(cat /mnt/image/counter)"
    check "$1: $before was written before the snapshot, $after came after it" \
        test "$found" -ge "$before" -a "$found" -lt "$after"
    umount /mnt/image
}

for volume in thick thin; do
    for type in ${TYPES:-$(if [ $volume = thick ]; then echo ext4; else echo xfs; fi)}; do
        what="$type on a $volume volume"
        make_and_write $volume $type
        before=$(tail -n 1 /mnt/volume/counter)
        check "$what is exported while it is written to" \
            kexport raw /dev/vg/$volume -o image.raw --limit-rate 100M
        after=$(tail -n 1 /mnt/volume/counter)
        stop $writer
        check_equal "$what: no snapshot is left" '' "$(left)"
        check "$what: the image is sound" sound $type
        check_numbers "$what" $type
        umount /mnt/volume
        rm image.raw
    done
done

was=$(changes)
check 'a volume that is not in use is exported' kexport raw /dev/mapper/vg-thick -o image.raw
check_equal 'without a snapshot' "$was" "$(changes)"
check 'and is the same' cmp image.raw /dev/vg/thick
rm image.raw

make_and_write thick ext4
has_snapshot() { left | grep -q .; }
(wait_until 300 has_snapshot && dd if=/dev/urandom of=/mnt/volume/much bs=1M count=100 oflag=direct status=none) &
much=$!
status=0
kexport raw /dev/vg/thick -o image.raw --snapshot-size 8M --limit-rate 16M > said 2>&1 || status=$?
stop $much
check_equal 'a snapshot that runs full ends the export' 1 $status
check_match 'which says why' 'the snapshot of vg/thick ran full' "$(cat said)"
check_equal 'nothing is left of it' '' "$(left)$(ls image.raw* 2> /dev/null)"
check_match 'a volume in use that is read as it is: a warning' 'is read as it is: without a snapshot' \
    "$(kexport raw /dev/vg/thick -o image.raw --no-snapshot --force 2>&1)"
lvcreate -qq -y -Wn -l $(($(vgs --noheadings -o vg_free_count vg) - 1)) -n filler vg # but for 4 MiB
check_match 'without room for a snapshot it is refused' 'cannot make a snapshot of vg/thick: lvcreate: .*--snapshot-size' \
    "$(kexport raw /dev/vg/thick -o image.raw --snapshot-size 8M --force 2>&1 || true)"
lvremove -qq -y vg/filler

mkfifo pipe
kexport raw /dev/vg/thick --quiet -o - > pipe 2> said &
running=$!
exec 3< pipe # which nobody reads
wait_until 120 has_snapshot
check_match 'a running export is left alone' 'kept vg/kexport-[^ ]+: an export is reading it' "$(kexport clean 2>&1)"
kill -KILL $running
wait $running 2> /dev/null || true
check_match 'kexport clean removes the snapshot of a killed export' 'removed vg/kexport-' "$(kexport clean 2>&1)"
check_equal 'it is gone' '' "$(left)"
kexport raw /dev/vg/thick --quiet -o - > pipe 2> said &
running=$!
wait_until 120 has_snapshot
kill -TERM $running
check_fails 143 'SIGTERM ends an export' wait $running
check_equal 'and its snapshot' '' "$(left)"
exec 3<&-

stop $writer
umount /mnt/volume
vgremove -qq -y vg
pvremove -qq -y /dev/vdb
