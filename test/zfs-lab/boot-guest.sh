#!/usr/bin/env bash
# boot-guest.sh [OPTION]... SCRIPT [FILE]...
# Boots the guest, runs SCRIPT in it as root, prints its output, and exits with its status; 124 is a
# time-out, 125 a guest that ended without a status. In the guest, IN is a folder with the FILEs,
# OUT a folder of the host, and /dev/vdb, /dev/vdc ... are the data disks. The root is not written
# to.
#   -d SIZE     an empty data disk, removed afterwards; may be repeated
#   -D IMAGE    a raw image as data disk, which is written to; may be repeated
#   -r IMAGE    boot with the root on ZFS of this disk (build-zfsroot.sh), as /dev/vda
#   -o FOLDER   the folder of the host that is OUT
#   -t SECONDS  time limit, by default 600
#   -m MIB      memory, by default 4096
set -euo pipefail
lab=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")
here=$(dirname "$(realpath "$0")")
guest=$lab/guest
# shellcheck source=accel.sh
. "$here/accel.sh"

root=$guest/root.ext4
root_words='root=/dev/vda rw'
out=
limit=600
memory=4096
disks=()

main() {
    parse "$@"
    shift $((OPTIND - 1))
    mkdir -p "$lab/runs"
    work=$(mktemp -d "$lab/runs/XXXXXX")
    qemu=
    trap 'if [ -n "$qemu" ]; then kill "$qemu" 2> /dev/null || true; fi; rm -rf "$work"' EXIT
    mkdir -p "$work/host/in" "$work/host/out" "${out:=$work/out}"
    cp "$1" "$work/host/run.sh"
    if [ $# -gt 1 ]; then cp -r "${@:2}" "$work/host/in/"; fi
    : > "$work/host/log"
    start
    wait_for_end
}

parse() {
    while getopts d:D:r:o:t:m: option; do
        case $option in
            d) disks+=("new:$OPTARG") ;;
            D) disks+=("old:$OPTARG") ;;
            r) root=$OPTARG root_words='root=ZFS=rpool/ROOT/debian rw' ;;
            o) out=$OPTARG ;;
            t) limit=$OPTARG ;;
            m) memory=$OPTARG ;;
            *) exit 2 ;;
        esac
    done
}

start() {
    local drives=() number=0 disk image
    for disk in ${disks[@]+"${disks[@]}"}; do
        image=${disk#*:}
        if [[ $disk == new:* ]]; then
            image=$work/disk$number
            truncate -s "${disk#new:}" "$image"
        fi
        drives+=(-drive "file=$image,format=raw,if=none,id=disk$number,cache=unsafe,discard=unmap"
            -device "virtio-blk-pci,drive=disk$number,serial=lab$number")
        number=$((number + 1))
    done
    choose_accel "$guest/vmlinuz"
    qemu-system-x86_64 "${accel[@]}" -smp 2 -m "$memory" -nodefaults -display none -no-reboot \
        -kernel "$guest/vmlinuz" -initrd "$guest/initrd" \
        -append "$root_words console=ttyS0 quiet loglevel=3 systemd.show_status=0 net.ifnames=0 mitigations=off lab.run" \
        -drive "file=$root,format=raw,if=none,id=root,snapshot=on,cache=unsafe" -device virtio-blk-pci,drive=root \
        -fsdev "local,id=host,path=$work/host,security_model=none,multidevs=remap" \
        -device virtio-9p-pci,fsdev=host,mount_tag=host -device virtio-rng-pci \
        ${drives[@]+"${drives[@]}"} -serial "file:$work/console" 2> "$work/qemu.err" &
    qemu=$!
}

wait_for_end() {
    local end=$((SECONDS + limit)) status=0
    tail -n +1 -s 0.3 -f "$work/host/log" --pid="$qemu" &
    local tail=$!
    while kill -0 "$qemu" 2> /dev/null && ((SECONDS < end)); do sleep 0.2; done
    if kill "$qemu" 2> /dev/null; then status=124; fi
    wait "$qemu" || true
    qemu=
    wait "$tail" || true
    cp -a --sparse=always "$work/host/out/." "$out/"
    if ((status == 0)); then status=$(cat "$work/host/rc" 2> /dev/null || echo 125); fi
    if ((status == 124)); then echo "the guest was stopped after $limit s"; fi >&2
    if ((status >= 124)); then
        cat "$work/qemu.err"
        tail -n 30 "$work/console" | tr -cd '[:print:]\n'
    fi >&2
    exit "$status"
}

main "$@"
