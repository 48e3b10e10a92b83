#!/usr/bin/env bash
# boot-image.sh [-t SECONDS] FORMAT IMAGE...
# Boots images of the disks of a machine that make-zfsroot.sh made, by its own boot loader under
# UEFI, without writing to them. Prints its report; fails unless its pool and its files are right.
# FORMAT is QEMU's name, such as qcow2 or vpc. The time limit is 600 seconds by default.
set -euo pipefail
lab=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")
here=$(dirname "$(realpath "$0")")
# shellcheck source=accel.sh
. "$here/accel.sh"
time_limit=600
while getopts t: option; do
    case $option in
        t) time_limit=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
format=$1
shift
drives=()
for image in "$@"; do
    drives+=(-drive "if=none,id=disk${#drives[@]},format=$format,snapshot=on,cache=unsafe,file=$image"
        -device "virtio-blk-pci,drive=disk${#drives[@]}")
done
console=$(mktemp)
trap 'rm -f "$console"' EXIT

choose_accel "$lab/guest/vmlinuz"
timeout --foreground "$time_limit" qemu-system-x86_64 -machine q35 "${accel[@]}" -smp 2 -m 2048 \
    -nodefaults -display none -no-reboot -serial "file:$console" \
    -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
    -drive if=pflash,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd \
    "${drives[@]}" -device virtio-rng-pci || true
tr -d '\r' < "$console" | sed -n '/^SELF-CHECK$/,$p'
if ! tr -d '\r' < "$console" | grep -aqx 'SELF-CHECK pool right, files right'; then
    tail -n 20 "$console" | tr -cd '[:print:]\n'
    exit 1
fi >&2
