#!/usr/bin/env bash
# In the guest: makes /dev/vdb a disk that boots under UEFI from a root on ZFS, a copy of the
# guest's; if there are more disks, the root is on a raidz1 of all of them. Booted by its own boot
# loader, it checks its pool and its files, says the result on its console, and powers off.
set -euo pipefail
disks=(/dev/vd[b-z])
esp=${disks[0]}1
target=/target
kernel=$(uname -r)

main() {
    partition
    make_pool
    copy_root
    configure
    fill_esp
    fill_home
    zfs snapshot -r rpool@installed
    echo second > $target/root/second
    zfs snapshot rpool/ROOT/debian@second
    zpool status rpool
    zfs list -r -t all rpool
    zpool export rpool
}

partition() {
    local disk
    for disk in "${disks[@]}"; do
        sgdisk -n 1:1M:+256M -t 1:ef00 -c 1:ESP -n 2:0:-2M -t 2:bf00 -c 2:rpool "$disk"
    done
    partprobe "${disks[@]}"
    udevadm settle
    mkfs.vfat -F 32 -n ESP "$esp"
}

make_pool() {
    local vdev=("${disks[@]/%/2}")
    if ((${#disks[@]} > 1)); then vdev=(raidz1 "${vdev[@]}"); fi
    zpool create -f -R $target -o ashift=12 -o autotrim=on -o cachefile=none -O compression=lz4 -O atime=off -O xattr=sa \
        -O acltype=posixacl -O canmount=off -O mountpoint=none rpool "${vdev[@]}"
    zfs create -o canmount=off -o mountpoint=none rpool/ROOT
    zfs create -o canmount=noauto -o mountpoint=/ rpool/ROOT/debian
    zfs mount rpool/ROOT/debian
    zfs create -o mountpoint=/home rpool/home
    zpool set bootfs=rpool/ROOT/debian rpool
}

# Leaves out what only a compiler needs.
copy_root() {
    rsync -aHAXx --exclude={'/usr/src/*','/usr/lib/gcc/*','/usr/include/*','/var/lib/dkms/*','/var/cache/*'} \
        --exclude={'/usr/share/doc/*','/usr/share/man/*','/usr/share/locale/*','/usr/lib/x86_64-linux-gnu/lib*san.so*'} \
        --exclude={'/boot/*','/host/*',/target,'/tmp/*',/lost+found} / $target/
    mkdir -p $target/{tmp,host,boot/efi}
    chmod 1777 $target/tmp
}

# /etc/hostid stays that of the guest, of which the initramfs has a copy: ZFS complains of another.
configure() {
    echo zfsroot > $target/etc/hostname
    echo "UUID=$(blkid -s UUID -o value "$esp") /boot/efi vfat nofail,umask=0077 0 1" > $target/etc/fstab
    tr -d - < /proc/sys/kernel/random/uuid > $target/etc/machine-id
    write_self_check
    # Unlike the guest, it mounts its file systems.
    rm $target/etc/systemd/system/zfs-mount.service
    chroot $target systemctl enable zfs-mount.service self-check.service
}

write_self_check() {
    cat > $target/usr/local/sbin/self-check << 'END'
#!/bin/bash
exec > /dev/ttyS0 2>&1
echo; echo 'SELF-CHECK'
findmnt -no SOURCE,FSTYPE /
zpool scrub -w rpool
zpool status rpool
zfs list -r -t snapshot -o name rpool
# A pool that was never scrubbed, or lost a file, does not say this.
zpool status rpool | grep -q 'scrub repaired 0B in .* with 0 errors' && zpool status rpool | grep -q '^errors: No known data errors' && pool=right
cd / && sha256sum --check --quiet /self-check.sha256 && files=right
echo "SELF-CHECK pool ${pool:-wrong}, files ${files:-wrong}"
sync
poweroff -f
END
    chmod 755 $target/usr/local/sbin/self-check
    cat > $target/etc/systemd/system/self-check.service << 'END'
[Unit]
Description=Check pool and files, say so on the console, power off
After=local-fs.target zfs-mount.service
ConditionKernelCommandLine=!lab.run

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/self-check

[Install]
WantedBy=multi-user.target
END
}

# systemd-boot, the kernel and its initramfs.
fill_esp() {
    local to=/esp
    mkdir -p $to
    mount "$esp" $to
    mkdir -p $to/{EFI/BOOT,loader/entries,debian}
    cp /usr/lib/systemd/boot/efi/systemd-bootx64.efi $to/EFI/BOOT/BOOTX64.EFI
    cp "/boot/vmlinuz-$kernel" $to/debian/vmlinuz
    cp "/boot/initrd.img-$kernel" $to/debian/initrd
    printf '%s\n' 'timeout 0' 'default debian.conf' > $to/loader/loader.conf
    printf '%s\n' 'title Debian on ZFS' 'linux /debian/vmlinuz' 'initrd /debian/initrd' \
        'options root=ZFS=rpool/ROOT/debian rw console=ttyS0 net.ifnames=0 quiet loglevel=4 systemd.show_status=0' \
        > $to/loader/entries/debian.conf
    umount $to
}

fill_home() {
    head -c 5000000 /dev/urandom > $target/home/random
    seq 1 200000 > $target/home/numbers
    (cd $target && find usr/bin usr/sbin etc/systemd home -type f -print0 | sort -z | xargs -0 sha256sum) > $target/self-check.sha256
}

main
