# Sourced by every test in host/. `lab` is the folder of the lab, `root` a disk with its root on ZFS
# once build-zfsroot.sh was run, `work` a folder that is removed at the end.
# shellcheck shell=bash disable=SC2034 # they are for the tests
set -euo pipefail
test_name=$(basename "$0" .sh)
lab=$(dirname "$(realpath "$0")")/..
root=$(realpath -m "${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab}")/zfsroot.raw
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check STATEMENT COMMAND...: the command must succeed; its output is shown, and how long it took.
check() {
    local statement=$1 start=$SECONDS word=ok
    shift
    "$@" > "$work/.output" 2>&1 || word='not ok'
    echo "$word $test_name: $statement"
    sed 's/^/#   /' "$work/.output"
    echo "#   took $((SECONDS - start)) s"
}

# make_store SIZE: makes $work/store, a disk on which guests leave images.
make_store() {
    truncate -s "$1" "$work/store"
    mkfs.ext4 -q -E lazy_itable_init=1,nodiscard "$work/store"
}

# take NAME...: moves images from there to $work. debugfs of e2fsprogs reads them, so that nothing
# is mounted here.
take() {
    local name
    for name in "$@"; do
        debugfs -R "dump /$name $work/$name" "$work/store" 2> /dev/null
        test -s "$work/$name"
    done
    rm "$work/store"
}

# unpack_kexport: prints what a script in a guest begins with, which gets KEXPORT_TAR.
unpack_kexport() {
    cat << 'END'
mkdir /opt/kexport
tar -xf "$IN/kexport.tar" -C /opt/kexport
export PATH=/opt/kexport/bin:$PATH
END
}
