# slow
# A machine with its root on ZFS exports its own disk while it is written to; the image is imported
# elsewhere, and boots.
set -euo pipefail
lab=$(dirname "$(realpath "$0")")/..
root=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")/zfsroot.raw
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$lab/build-zfsroot.sh"
truncate -s 9G "$work/images"
mkfs.ext4 -q -E lazy_itable_init=1,nodiscard "$work/images"

cat > "$work/run" << 'END'
mkdir /opt/kexport
tar -xf "$IN/kexport.tar" -C /opt/kexport
export PATH=/opt/kexport/bin:$PATH
env --default-signal=PIPE timeout -k 10 3400 bash "$IN/$(cat "$IN/script")" < /dev/null
END
in_guest() { # in_guest SCRIPT OPTION...
    local script=$1 start=$SECONDS
    shift
    basename "$script" > "$work/script"
    "$lab/boot-guest.sh" "$@" -D "$work/images" -t 3600 "$work/run" \
        "$work/script" "$KEXPORT_TAR" "$lab/guest/lib.sh" "$script" || echo "not ok live-root: $(basename "$script") runs to its end"
    echo "# $(basename "$script" .sh) took $((SECONDS - start)) s"
}

# debugfs of e2fsprogs takes the image out of the guests' disk, so that nothing is mounted here.
boots() {
    debugfs -R "dump /this.qcow2 $work/this.qcow2" "$work/images" && test -s "$work/this.qcow2" &&
        "$lab/boot-image.sh" qcow2 "$work/this.qcow2" 1800
}

in_guest "$lab/in-guest/live-root-export.sh" -r "$root"
in_guest "$lab/in-guest/live-root-import.sh"
start=$SECONDS
if boots > "$work/console" 2>&1; then
    echo 'ok live-root: the image boots by its own boot loader, its pool and files right'
else
    echo 'not ok live-root: the image boots by its own boot loader, its pool and files right'
fi
sed 's/^/#   /' "$work/console"
echo "# the boot took $((SECONDS - start)) s"
