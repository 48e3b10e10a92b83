# In a guest with its root on ZFS: exports its own disk to /dev/vdb while it is written to.
. "$IN/lib.sh"
mkdir -p /mnt/images
mount /dev/vdb /mnt/images
zfs create -V 64M rpool/volume
udevadm settle

zfs create -o compression=off -o mountpoint=/secret rpool/secret
leave_secret rpool /secret 64
check 'what was deleted is on the disk' holds_secret /dev/vda2

has_record() { zfs get -H -o value -s local kexport:checkpoint rpool | grep -q .; }

set -m
(for ((n = 1; ; n++)); do echo "$n" && sync -d /home/counter && sleep 0.2; done >> /home/counter) 2> /dev/null &
(for ((n = 1; ; n++)); do
    printf '%016d' "$n" | dd of=/dev/zvol/rpool/volume bs=16 seek="$n" conv=notrunc,fsync status=none
    sleep 0.2
done) 2> /dev/null &
(mkdir -p /var/churn && for ((n = 1; ; n++)); do
    head -c 300K /dev/urandom > "/var/churn/$n" && rm -f "/var/churn/$((n - 5))" && sleep 0.2
done) 2> /dev/null &
set +m
writers=$(jobs -p)
passed() { echo "#   $SECONDS s: $1"; }

wait_until 60 test -s /home/counter
check 'a plan is shown' kexport all --dry-run
cat "$work/.output"
check_equal 'a plan takes no checkpoint' - "$(zpool get -Hp -o value checkpoint rpool)"
check_fails 1 'the disk by its name is refused' kexport raw /dev/vda -o "$work/refused.raw"
tail -n 1 /home/counter > /mnt/images/before
passed 'writers run'

kexport raw --output-dir /mnt/images --name killed > "$work/killed" 2>&1 &
wait_until 120 has_record
kill -KILL $!
wait $! || true
check 'a killed export leaves its checkpoint, and a healthy pool' zpool status -x rpool
check_fails 1 'then another export is refused' kexport raw -o "$work/refused.raw"
check_match 'kexport clean discards it' 'removed the checkpoint of pool rpool' "$(kexport clean)"
check_equal 'nothing is left of it' - "$(zpool get -Hp -o value checkpoint rpool)"
rm -f /mnt/images/killed*
passed 'a killed export is cleaned up'

check 'this machine exports its own disk while it is written to' \
    kexport qcow2,raw --output-dir /mnt/images --name this --level 1
cat "$work/.output"
check_fails 1 'what was deleted is not in the image' holds_secret /mnt/images/this.raw
echo "#   the image takes $(size_on_disk /mnt/images/this.raw) MiB"
check_equal 'no checkpoint is left' - "$(zpool get -Hp -o value checkpoint rpool)"
tail -n 1 /home/counter > /mnt/images/after
passed 'exported'
for group in $writers; do kill -KILL -- "-$group"; done
wait 2> /dev/null || true

zpool checkpoint rpool
check_fails 1 'a checkpoint of somebody else stops an export' kexport raw -o "$work/refused.raw"
check_match 'and kexport clean leaves it alone' 'kept the checkpoint of pool [a-z]+: kexport has not marked it' "$(kexport clean)"
check 'it is still there' test "$(zpool get -Hp -o value checkpoint rpool)" != -
umount /mnt/images
