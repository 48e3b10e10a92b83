# slow
# A machine with its root on a raidz1 of three disks exports all of them while it is written to.
# The machine boots from the images, and without one of them.
. "$(dirname "$(realpath "$0")")/lib.sh"

make_store 3G
truncate -s 1536M "$work"/disk{1,2,3}
check 'the machine is made' "$lab/boot-guest.sh" -D "$work/disk1" -D "$work/disk2" -D "$work/disk3" -t 1800 \
    "$lab/in-guest/make-zfsroot.sh"

{
    unpack_kexport
    cat << 'END'
. "$IN/lib.sh"
test_name=raidz-root
mount /dev/vdd /mnt
check_match 'one disk of it alone is refused, with the command for all' 'kexport all .*--whole-pool' \
    "$(kexport qcow2 -o /mnt/refused.qcow2 2>&1 || true)"
(for ((n = 1; ; n++)); do echo "$n" && sync -d /home/counter && sleep 0.2; done >> /home/counter) 2> /dev/null &
wait_until 60 test -s /home/counter
check 'it exports its three disks' kexport qcow2 --whole-pool --output-dir /mnt --name this --level 1
kill $!
check_equal 'no checkpoint is left' - "$(zpool get -Hp -o value checkpoint rpool)"
umount /mnt
END
} > "$work/run"
"$lab/boot-guest.sh" -r "$work/disk1" -D "$work/disk2" -D "$work/disk3" -D "$work/store" -t 3600 \
    "$work/run" "$KEXPORT_TAR" "$lab/guest/lib.sh"
take this-{1,2,3}.qcow2
boots() { "$lab/boot-image.sh" -t 1800 qcow2 "$@"; }
check 'the machine boots from its images, its pool and files right' boots "$work"/this-{1,2,3}.qcow2
check 'and without the second disk' boots "$work"/this-{1,3}.qcow2
