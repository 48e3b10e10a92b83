#!/usr/bin/env bash
# Boots one small Linux from an image of every format, under UEFI in QEMU; it checks its disk. Its
# packages are kept in KEXPORT_BOOT_CACHE. Needs binutils, dosfstools, e2fsprogs, gdisk, mtools,
# ovmf and qemu-system-x86.
set -euo pipefail
linux=$(realpath -m "${KEXPORT_BOOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-boot}/linux")
time_limit=240 # seconds
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    ./get-linux.sh "$linux"
    expected=$(./make-disk.sh "$linux" "$work/disk")
    mkdir "$work/images"
    node ../../dist/bundle/kexport.cjs qcow2,raw,vhd,vhd-dynamic,vhdx,vdi,vmdk,ova \
        "$work/disk" --quiet --name boot --output-dir "$work/images"
    export work expected time_limit
    export -f boot
    # An emulated machine keeps one processor busy.
    printf '%s\0' "$work"/images/* | xargs -0 -n 1 -P "$(nproc)" bash -c 'boot "$1"' boot
}

boot() {
    local image=$1 format=${1##*/boot.} driver start=$SECONDS console
    console=$work/console.$format
    case $format in
        qcow2 | raw | vhdx | vdi | vmdk) driver=$format ;;
        vhd | dynamic.vhd) driver=vpc ;;
        ova)
            driver=vmdk
            image=$work/member.vmdk
            tar -xOf "$1" --wildcards '*.vmdk' > "$image"
            ;;
        *)
            echo "did not boot from $format: no driver of QEMU is known for it"
            return 1
            ;;
    esac
    : > "$console"
    # Emulated: a KVM that can be opened may still not run a kernel.
    timeout --foreground "$time_limit" qemu-system-x86_64 -machine q35 -accel tcg -cpu max -m 512 \
        -nodefaults -display none -no-reboot -serial "file:$console" \
        -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
        -drive if=pflash,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd \
        -drive if=none,id=disk,format="$driver",readonly=on,file="$image" \
        -device nvme,drive=disk,serial=kexport || true
    if tr -d '\r' < "$console" | grep -aqx "$expected"; then
        echo "booted from $format ($((SECONDS - start)) s)"
    else
        echo "did not boot from $format ($((SECONDS - start)) s); the end of its console:"
        tail -n 20 "$console" | tr -cd '[:print:]\n' # the firmware clears the screen
        return 1
    fi
}

main
