#!/usr/bin/env bash
# Makes a disk: GPT, an EFI system partition with a Linux that boots, and an ext4 with files that it
# checks. Prints what that Linux says on its console when every file is right.
set -euo pipefail
linux=$1
disk=$2
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

busybox=$linux/bin/busybox
mkdir -p "$work/initramfs/bin"
cp "$busybox" "$work/initramfs/bin/"
cp "$here/init" "$work/initramfs/"
(cd "$work/initramfs" && find . | "$busybox" cpio -o -H newc -R 0:0) > "$work/initrd"

# A panic ends the boot at once; what is slow in an emulated machine is off.
echo -n 'console=ttyS0 quiet panic=-1 nokaslr mitigations=off' > "$work/cmdline"
# The addresses leave 15 MiB for the initramfs. The kernel comes last, and may have any size.
objcopy \
    --add-section .cmdline="$work/cmdline" --change-section-vma .cmdline=0x30000 \
    --add-section .initrd="$work/initrd" --change-section-vma .initrd=0x100000 \
    --add-section .linux="$(echo "$linux"/boot/vmlinuz-*)" --change-section-vma .linux=0x1000000 \
    "$linux/usr/lib/systemd/boot/efi/linuxx64.efi.stub" "$work/efi"
mkfs.vfat -n ESP -C "$work/esp" $((32 * 1024)) > /dev/null
mmd -i "$work/esp" ::EFI ::EFI/BOOT
mcopy -i "$work/esp" "$work/efi" ::EFI/BOOT/BOOTX64.EFI

mkdir "$work/root"
cp -r "$linux"/lib/modules/*/kernel/{fs,net} "$work/root/"
(cd "$work/root" && find fs net -type f | sort | xargs sha256sum > SHA256SUMS)
mkfs.ext4 -qF -d "$work/root" "$work/root.ext4" 64M > /dev/null

# Not in whole MiB, so that the size is rounded up and the backup GPT moves.
truncate -s $((97 * 1024 + 300))K "$disk"
sgdisk -n 1:1M:+32M -t 1:ef00 -n 2:33M:+64M -t 2:8300 "$disk" > /dev/null
dd if="$work/esp" of="$disk" bs=1M seek=1 conv=notrunc status=none
dd if="$work/root.ext4" of="$disk" bs=1M seek=33 conv=notrunc status=none

sum=$(sha256sum < "$work/root/SHA256SUMS")
echo "KEXPORT-BOOT-OK ${sum%% *}"
