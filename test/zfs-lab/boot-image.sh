#!/usr/bin/env bash
# boot-image.sh FORMAT IMAGE [SECONDS]
# Boots an image of a disk that build-zfsroot.sh made, by its own boot loader under UEFI, without
# writing to it. Prints its report; fails unless its pool and its files are right. FORMAT is QEMU's
# name, such as qcow2 or vpc.
set -euo pipefail
lab=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")
here=$(dirname "$(realpath "$0")")
# shellcheck source=accel.sh
. "$here/accel.sh"
format=$1 image=$2 time_limit=${3:-600}
console=$(mktemp)
trap 'rm -f "$console"' EXIT

choose_accel "$lab/guest/vmlinuz"
timeout --foreground "$time_limit" qemu-system-x86_64 -machine q35 "${accel[@]}" -smp 2 -m 2048 \
    -nodefaults -display none -no-reboot -serial "file:$console" \
    -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
    -drive if=pflash,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd \
    -drive "if=none,id=disk,format=$format,snapshot=on,cache=unsafe,file=$image" \
    -device virtio-blk-pci,drive=disk -device virtio-rng-pci || true
tr -d '\r' < "$console" | sed -n '/^SELF-CHECK$/,$p'
if ! tr -d '\r' < "$console" | grep -aqx 'SELF-CHECK pool right, files right'; then
    tail -n 20 "$console" | tr -cd '[:print:]\n'
    exit 1
fi >&2
