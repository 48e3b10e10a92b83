# root: zfs
# disks: 12G
# limit: 3000
# slow
# A machine with its root on ZFS makes a golden image of itself: another pool, another size, nothing
# of its identity; and nothing is left of the making, however it ends.
. "$IN/lib.sh"
mkfs.ext4 -q -E lazy_itable_init=1,nodiscard /dev/vdb
mkdir -p /mnt/images
mount /dev/vdb /mnt/images
export TMPDIR=/mnt/images/tmp
mkdir -p $TMPDIR

# What must not be in an image: keys, logs, a file that is deleted and still open.
secret() { dd bs=64K count="$1" iflag=fullblock status=none < <(yes "golden-secret $2" || true); }
mkdir -p /etc/ssh /var/lib/dbus /var/lib/dhcp /var/lib/cloud/instances/i-1 /var/log/journal/x
zfs create -o mountpoint=/var/log rpool/log
secret 2 key > /etc/ssh/ssh_host_ed25519_key
echo golden-secret > /etc/ssh/ssh_host_ed25519_key.pub
echo Port 22 > /etc/ssh/sshd_config
# A stand-in for the program of OpenSSH, which the guest lacks.
printf '#!/bin/sh\nread -r id < /proc/sys/kernel/random/uuid; echo "key of $id" > /etc/ssh/ssh_host_ed25519_key\n' > /usr/bin/ssh-keygen
chmod 755 /usr/bin/ssh-keygen
secret 3 log > /var/log/messages
mkdir -p /var/log/journal/x
secret 1 journal > /var/log/journal/x/system.journal
secret 1 lease > /var/lib/dhcp/dhclient.eth0.leases
secret 1 cloud > /var/lib/cloud/instances/i-1/user-data.txt
secret 1 history > /root/.bash_history
exec 9> /root/open
secret 20 open >&9
rm /root/open
echo 'kept by the image' > /home/kept
echo "/dev/disk/by-partuuid/$(blkid -s PART_ENTRY_UUID -o value -p /dev/vda1) /boot/efi vfat noauto 0 0" >> /etc/fstab
zfs create -V 64M -o compression=off rpool/volume
udevadm settle
dd if=/dev/urandom of=/dev/zvol/rpool/volume bs=1M count=8 oflag=direct status=none
volume=$(head -c 8M /dev/zvol/rpool/volume | sha256sum)
zfs clone -o canmount=noauto -o mountpoint=/ rpool/ROOT/debian@second rpool/ROOT/other
zpool set comment='made by the lab' rpool
zpool sync rpool

state() { zfs list -H -t all -o name,guid -r rpool; zpool list -H -o name; losetup -a; ls -A $TMPDIR; }
before=$(state)
passed() { echo "#   $SECONDS s: $1"; }
unchanged() { check_equal "$1" "$before" "$(state)"; }

check 'a plan is shown' kexport all --generalize --disk-size 4G --dry-run
cat "$work/.output"
check_match 'it lists what is removed' '/etc/ssh/ssh_host_ed25519_key' "$(cat "$work/.output")"
unchanged 'and changes nothing'
check_fails 2 'a disk that is too small is refused' kexport all --generalize --disk-size 700M
cat "$work/.output"
check_fails 2 'a boot environment that is not there is refused' kexport all --generalize --boot-environment nobody
cat "$work/.output"
unchanged 'before anything is made'
passed 'planned'

check 'a golden image is made' kexport qcow2,raw --generalize --disk-size 4G --output-dir /mnt/images --name golden --level 1
cat "$work/.output"
unchanged 'nothing is left of the making'
check_equal 'it has the size that was asked for' $((4 << 30)) "$(stat -c %s /mnt/images/golden.raw)"
echo "#   it takes $(size_on_disk /mnt/images/golden.raw) MiB"
check 'the qcow2 and the raw image are the same disk' qemu-img compare -f raw -F qcow2 /mnt/images/golden.raw /mnt/images/golden.qcow2
check_fails 1 'no byte of what was removed is in it' grep -qa golden-secret /mnt/images/golden.raw
passed 'made'

loop=$(losetup -fP --show /mnt/images/golden.raw)
udevadm settle
check 'the GPT is sound' sgdisk -v "$loop"
check_fails 1 'the disk has another GUID' test "$(sgdisk -p "$loop" | grep GUID)" = "$(sgdisk -p /dev/vda | grep GUID)"
for part in 1 2; do
    check_fails 1 "partition $part has another GUID" test "$(blkid -s PART_ENTRY_UUID -o value -p "$loop"p$part)" = "$(blkid -s PART_ENTRY_UUID -o value -p /dev/vda$part)"
done
check 'zdb finds no leak' zdb -e -U /dev/null -p "$loop"p2 -bcc rpool
# Without -f, and beside the original.
check 'it is imported beside the original' zpool import -N -d "$loop"p2 -R /copy -t rpool golden
check_fails 1 'the pool has another guid' test "$(zpool get -Hp -o value guid golden)" = "$(zpool get -Hp -o value guid rpool)"
check_equal 'bootfs is the boot environment' golden/ROOT/debian "$(zpool get -H -o value bootfs golden)"
for property in ashift autotrim comment compatibility; do
    check_equal "$property is that of the source" "$(zpool get -H -o value $property rpool)" "$(zpool get -H -o value $property golden)"
done
check_equal 'the same features are enabled' \
    "$(zpool get -H -o property,value all rpool | grep feature@ | sed 's/active/enabled/')" \
    "$(zpool get -H -o property,value all golden | grep feature@ | sed 's/active/enabled/')"
properties='compression,atime,xattr,acltype,canmount,mountpoint,volsize,refreservation,volmode'
listed() { zfs get -H -o name,property,value $properties "$1" -r -t filesystem,volume | sed "s/^$1//; s#/copy/*#/#" | grep -v ROOT/other; }
check_equal 'the datasets have the properties of the source' "$(listed rpool)" "$(listed golden)"
check_equal 'there are no snapshots' '' "$(zfs list -H -t snapshot -r golden)"
check_equal 'nothing says that kexport made it' '' "$(zfs get -H -o name,property,value -s local,received all golden -r | grep kexport: || true)"
zfs mount golden/ROOT/debian
zfs mount -a
check_equal 'a file is there' 'kept by the image' "$(cat /copy/home/kept)"
check 'the files are right' bash -c 'cd /copy && sha256sum --check --quiet self-check.sha256'
udevadm settle
check_equal 'the volume is right' "$volume" "$(head -c 8M /dev/zvol/golden/volume | sha256sum)"
check 'machine-id is empty' test -f /copy/etc/machine-id -a ! -s /copy/etc/machine-id
check_equal 'no identity is left' '' "$(cd /copy && ls -d etc/ssh/ssh_host_* var/lib/dhcp/* var/lib/cloud/instances/* root/.bash_history var/log/journal/* etc/zfs/zpool.cache var/lib/systemd/random-seed 2> /dev/null)"
check_equal 'logs are empty' '' "$(find /copy/var/log -type f -size +0)"
check 'the host keys will be made' test -L /copy/etc/systemd/system/multi-user.target.wants/kexport-ssh-host-keys.service
check_match 'fstab has the new GUID' "by-partuuid/$(blkid -s PART_ENTRY_UUID -o value -p "$loop"p1)" "$(cat /copy/etc/fstab)"
check 'this machine keeps its own' test -s /etc/ssh/ssh_host_ed25519_key -a -s /etc/machine-id -a -s /var/log/messages
zpool scrub -w golden
check_match 'a scrub repairs nothing' 'repaired 0B in .* with 0 errors' "$(zpool status golden)"
zpool export golden
check 'the EFI system partition is that of the source' cmp "$loop"p1 /dev/vda1
losetup -d "$loop"
passed 'examined'

rm -f /mnt/images/golden.*
check 'another boot environment, with snapshots, of the size of the source' \
    kexport raw --generalize --boot-environment other --with-snapshots --output-dir /mnt/images --name other
cat "$work/.output"
unchanged 'nothing is left of the making of the other'
loop=$(losetup -fP --show /mnt/images/other.raw)
udevadm settle
check 'zdb finds no leak in the other' zdb -e -U /dev/null -p "$loop"p2 -bcc rpool
check 'the other is imported' zpool import -N -d "$loop"p2 -R /copy -t rpool golden
check_equal 'it boots the other' golden/ROOT/other "$(zpool get -H -o value bootfs golden)"
check_fails 1 'and has no other boot environment' zfs list golden/ROOT/debian
check_equal 'it has the snapshots' "$(zfs list -H -o name -t snapshot -r rpool | grep -v ROOT/debian | sed 's/^rpool//')" \
    "$(zfs list -H -o name -t snapshot -r golden | sed 's/^golden//')"
zpool export golden
losetup -d "$loop"
umount /mnt/images
