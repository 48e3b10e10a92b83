# slow
# A machine with its root on ZFS exports its own disk while it is written to; the image is imported
# elsewhere, and boots.
. "$(dirname "$(realpath "$0")")/lib.sh"

"$lab/build-zfsroot.sh"
make_store 9G
{
    unpack_kexport
    cat << 'END'
env --default-signal=PIPE timeout -k 10 3400 bash "$IN/$(cat "$IN/script")" < /dev/null
END
} > "$work/run"
in_guest() { # in_guest SCRIPT OPTION...
    local script=$1 start=$SECONDS
    shift
    basename "$script" > "$work/script"
    "$lab/boot-guest.sh" "$@" -D "$work/store" -t 3600 "$work/run" \
        "$work/script" "$KEXPORT_TAR" "$lab/guest/lib.sh" "$script" || echo "not ok live-root: $(basename "$script") runs to its end"
    echo "# $(basename "$script" .sh) took $((SECONDS - start)) s"
}

in_guest "$lab/in-guest/live-root-export.sh" -r "$root"
in_guest "$lab/in-guest/live-root-import.sh"
take this.qcow2
check 'the image boots by its own boot loader, its pool and files right' \
    "$lab/boot-image.sh" -t 1800 qcow2 "$work/this.qcow2"
