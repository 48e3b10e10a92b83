#!/usr/bin/env bash
# Builds the guest: a Debian of the host's release, or of KEXPORT_LAB_RELEASE, with ZFS and the
# host's Node. Needs root, debootstrap and e2fsprogs. Takes six minutes of two processors, most of
# them to compile ZFS; the guest is kept, and serves all versions of kexport. It makes
#   guest/root.ext4        its root, which no boot writes to
#   guest/vmlinuz, initrd  its kernel, for qemu -kernel
#   guest/versions.txt     the versions of what is in it
set -euo pipefail
# Raise it with every change to what is in the guest: a guest of another number is built anew.
recipe=3
release=${KEXPORT_LAB_RELEASE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
lab=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")
here=$(dirname "$(realpath "$0")")
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

packages=(
    zfsutils-linux zfs-initramfs zstd e2fsprogs dosfstools gdisk parted fdisk rsync qemu-utils systemd-boot-efi
    file strace procps psmisc lsof xxd python3-minimal libpython3-stdlib
    lvm2 thin-provisioning-tools cryptsetup-bin mdadm xfsprogs btrfs-progs
)

main() {
    mkdir -p "$lab"
    exec 9> "$lab/.lock"
    flock 9 # two runs at once build one guest
    if [ "$(cat "$lab/guest/recipe" 2> /dev/null)" = "$recipe $release" ]; then return; fi
    echo "building the ZFS guest of Debian $release (some minutes, once)"
    rm -rf "$lab/guest" "$lab/zfsroot.raw"
    partial=$(mktemp -d "$lab/guest.XXXXXX")
    tree=$partial/rootfs
    trap 'unmount; rm -rf --one-file-system "$partial"' EXIT
    step install_base
    step install_packages
    step configure
    step make_image
    rm -rf --one-file-system "$tree"
    chmod 755 "$partial"
    mv -T "$partial" "$lab/guest"
    cat "$lab/guest/versions.txt"
}

# Runs a function, and shows its output only if it fails.
step() {
    local start=$SECONDS
    # Not in a condition: bash would go on there after an error.
    set +e
    (
        set -e
        "$1"
    ) > "$partial/log" 2>&1
    local status=$?
    set -e
    if ((status != 0)); then
        tail -n 40 "$partial/log"
        echo "the ZFS guest cannot be built: $1 failed"
        exit 1
    fi >&2
    echo "  $1: $((SECONDS - start)) s"
}

# The repositories of the host's Debian, "URI RELEASE", in whatever form apt has them.
host_repositories() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' | sort -u
}

install_base() {
    local host mirror
    # Without lists, indextargets knows no repositories.
    if [ -z "$(host_repositories)" ]; then apt-get -qq update; fi
    host=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(host_repositories | awk -v release="$host" '$2 == release { print $1; exit }')
    if [ -z "$mirror" ]; then echo "apt knows no mirror of Debian's $host" && return 1; fi
    debootstrap --variant=minbase --include=systemd-sysv,udev,dbus,kmod,initramfs-tools,ca-certificates "$release" "$tree" "$mirror"
    # ZFS is in contrib, because of its licence; the host may lack contrib.
    if [ "$release" = "$host" ]; then host_repositories; else echo "$mirror $release"; fi |
        sed 's/^/deb /; s/$/ main contrib/' > "$tree/etc/apt/sources.list"
    # Mirrors and proxies as on the host.
    apt-config dump | grep '^Acquire::' > "$tree/etc/apt/apt.conf.d/99host"
    cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
}

install_packages() {
    mount --bind /dev "$tree/dev"
    mount -t proc proc "$tree/proc"
    mount -t sysfs sysfs "$tree/sys"
    echo force-unsafe-io > "$tree/etc/dpkg/dpkg.cfg.d/unsafe-io"
    printf '#!/bin/sh\nexit 101\n' > "$tree/usr/sbin/policy-rc.d" # starts no service
    chmod 755 "$tree/usr/sbin/policy-rc.d"
    echo zfs-dkms zfs-dkms/note-incompatible-licenses note true | chroot "$tree" debconf-set-selections
    chroot "$tree" apt-get -q update
    # The initrd is made once, at the end, and not for each package.
    export INITRD=No
    sed -i 's/^update_initramfs=.*/update_initramfs=no/' "$tree/etc/initramfs-tools/update-initramfs.conf"
    install_in_guest linux-image-amd64 linux-headers-amd64
    install_in_guest zfs-dkms
    # The package installs even if its module does not compile for the kernel.
    ls "$tree"/lib/modules/*/updates/dkms/zfs.ko*
    install_in_guest "${packages[@]}"
    chroot "$tree" apt-get clean
    rm -r "$tree"/{usr/sbin/policy-rc.d,etc/apt/apt.conf.d/99host,var/lib/apt/lists}
    unmount
}

install_in_guest() {
    chroot "$tree" apt-get -qy --no-install-recommends install "$@"
}

configure() {
    local unit
    copy_node
    echo zfslab > "$tree/etc/hostname"
    echo '127.0.0.1 localhost zfslab' > "$tree/etc/hosts"
    echo '/dev/vda / ext4 defaults 0 0' > "$tree/etc/fstab"
    chroot "$tree" zgenhostid -f # the package has made one already
    # Only the tests import pools, and nothing else runs beside them.
    for unit in zfs-{import-cache,import-scan,mount,share,volume-wait}.service zfs-zed.service \
        {apt-daily,apt-daily-upgrade,dpkg-db-backup,e2scrub_all,fstrim}.timer e2scrub_reap.service \
        systemd-timesyncd.service tmp.mount getty@tty1.service serial-getty@ttyS0.service; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    install -m 755 "$here/in-guest/lab-run" "$tree/usr/local/sbin/"
    install -m 644 "$here/in-guest/lab-run.service" "$tree/etc/systemd/system/"
    chroot "$tree" systemctl enable lab-run.service
    # It has a copy of the hostid.
    chroot "$tree" update-initramfs -c -k "$(ls "$tree/lib/modules")"
}

# The host's Node, with the libraries that the guest lacks.
copy_node() {
    local node library
    node=$(realpath "$(command -v node)")
    install -m 755 "$node" "$tree/usr/local/bin/node"
    ldd "$node" | awk '/=> \// { print $3 }' | while read -r library; do
        if [ ! -e "$tree$library" ]; then install -D -m 755 "$(realpath "$library")" "$tree$library"; fi
    done
}

make_image() {
    cp "$tree"/boot/vmlinuz-* "$partial/vmlinuz"
    cp "$tree"/boot/initrd.img-* "$partial/initrd"
    truncate -s 6G "$partial/root.ext4"
    mkfs.ext4 -qF -d "$tree" "$partial/root.ext4"
    {
        echo "kernel $(basename "$tree"/lib/modules/*)"
        chroot "$tree" dpkg-query -W -f '${Package} ${Version}\n' zfsutils-linux zfs-dkms systemd qemu-utils
        echo "node $(chroot "$tree" node --version)"
    } > "$partial/versions.txt"
    echo "$recipe $release" > "$partial/recipe"
}

unmount() {
    local folder
    for folder in dev proc sys; do
        if mountpoint -q "$tree/$folder"; then umount -l "$tree/$folder"; fi
    done
}

main
