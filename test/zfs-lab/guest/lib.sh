# Sourced by every test: checks, and pools to check on. A command that fails outside of a check ends
# it.
# shellcheck shell=bash
set -Eeuo pipefail
trap 'echo "#   line $LINENO, exit status $?: $BASH_COMMAND" >&2' ERR
test_name=$(basename "$0" .sh)
work=$(mktemp -d)
cd "$work"

# check STATEMENT COMMAND...: the command must succeed; otherwise its output is shown.
check() {
    local statement=$1 status=0
    shift
    "$@" > "$work/.output" 2>&1 || status=$?
    if ((status == 0)); then
        echo "ok $test_name: $statement"
    else
        echo "not ok $test_name: $statement"
        echo "#   exit status $status of: $*"
        sed 's/^/#   /' "$work/.output"
    fi
}

# check_fails STATUS STATEMENT COMMAND...: the command must fail with that exit status.
check_fails() {
    local expected=$1 statement=$2
    shift 2
    check "$statement" fails_with "$expected" "$@"
}

fails_with() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    ((status == expected)) || {
        echo "exit status $status, expected $expected"
        return 1
    }
}

# check_equal STATEMENT EXPECTED FOUND: two texts must be the same.
check_equal() {
    check "$1" diff <(echo "$2") <(echo "$3")
}

# check_match STATEMENT PATTERN FOUND: a line of the text must match an extended regular expression.
check_match() {
    check "$1" matches "$2" "$3"
}

matches() {
    grep -qE -- "$1" <<< "$2" || {
        echo "no line matches '$1' in:"
        echo "$2"
        return 1
    }
}

# make_pool [NAME] [OPTION...]: makes a pool, by default tank, on the first data disk.
make_pool() {
    local name=${1:-tank}
    zpool create -f -o cachefile=none -o ashift=12 "${@:2}" "$name" /dev/vdb
}

# make_zvol NAME SIZE [OPTION...]: makes a volume, and waits for its link in /dev/zvol.
make_zvol() {
    zfs create -V "$2" "${@:3}" "$1"
    udevadm settle
    [ -b "/dev/zvol/${1// /+}" ] # udev writes a plus for a space
}

# fill DEVICE MIB: writes that much noise, then as much that compresses, both past the page cache.
fill() {
    dd if=/dev/urandom of="$1" bs=1M count="$2" oflag=direct status=none
    # seq is stopped half way.
    dd of="$1" bs=1M seek="$2" count="$2" iflag=fullblock oflag=direct status=none < <(seq 1 100000000 || true)
}

# leave_secret POOL FOLDER MIB: writes and deletes a file of that size, and passes transaction
# groups.
leave_secret() {
    local round
    # yes is stopped half way.
    dd of="$2/deleted" bs=1M count="$3" iflag=fullblock status=none < <(yes deleted-secret || true)
    zpool sync "$1"
    rm "$2/deleted"
    for round in 1 2 3 4; do echo "$round" > "$2/round" && zpool sync "$1"; done
}

# holds_secret FILE: the deleted file is in it, read past the page cache. Some hundred KiB do not
# count: they may lie in blocks that an intent log has and has not filled yet.
holds_secret() {
    python3 - "$1" << 'END'
import mmap, os, stat, sys
ENOUGH = 20000
file = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
has_holes = stat.S_ISREG(os.fstat(file).st_mode)
end = os.lseek(file, 0, os.SEEK_END)
buffer = mmap.mmap(-1, 1 << 20)
at = found = 0
while at < end and found < ENOUGH:
    if has_holes:
        try:
            at = os.lseek(file, at, os.SEEK_DATA) // 4096 * 4096
        except OSError: # no data from there on
            break
    length = os.preadv(file, [buffer], at)
    if length == 0:
        break
    found += buffer[:length].count(b"deleted-secret")
    at += length
print(found, "times")
sys.exit(found < ENOUGH)
END
}

# size_on_disk FILE: the space that it takes, in MiB.
size_on_disk() { echo $(($(stat -c '%b * %B' "$1") / 1048576)); }

# wait_until SECONDS COMMAND...: runs the command until it succeeds; fails when the time is over.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

# What follows is for a pool named tank, mounted at /tank, with a volume tank/volume.

# Writes numbers in their order: to a file system, to a volume, as names of files.
start_writers() {
    set -m
    (for ((n = 1; ; n++)); do echo "$n" && sync -d /tank/counter && sleep 0.1; done >> /tank/counter) 2> /dev/null &
    (for ((n = 1; ; n++)); do
        printf '%016d' "$n" | dd of=/dev/zvol/tank/volume bs=16 seek="$n" conv=notrunc,fsync status=none
        sleep 0.1
    done) 2> /dev/null &
    (for ((n = 1; ; n++)); do
        head -c 200K /dev/urandom > "/tank/files/$n" && rm -f "/tank/files/$((n - 5))" && sleep 0.1
    done) 2> /dev/null &
    set +m
    writers=$(jobs -p)
}

stop_writers() {
    for group in $writers; do kill -KILL -- "-$group"; done
    wait 2> /dev/null || true
}

last_number() { tail -n 1 /tank/counter; }
last_of_volume() { tr -d '\0' < /dev/zvol/tank/volume | fold -w 16 | tail -n 1 | sed 's/^0*//'; }

# check_numbers WHAT: the copy must have all numbers from 1 on up to one that was written between
# the start and the end of the export.
check_numbers() {
    local found
    wait_until 60 test -b /dev/zvol/tank/volume # udev makes it some time after the import
    found=$(last_number)
    check_equal "$1: the file has every number up to $found" "$(seq "$found")" "$(cat /tank/counter)"
    check "$1: $before was there before the checkpoint, $after came after it" \
        test "$found" -ge "$before" -a "$found" -lt "$after"
    found=$(last_of_volume)
    check_equal "$1: the volume has every number up to $found" \
        "$(seq "$found")" "$(tr -d '\0' < /dev/zvol/tank/volume | fold -w 16 | sed 's/^0*//')"
    check "$1: $volume_before was on the volume before, $volume_after came after" \
        test "$found" -ge "$volume_before" -a "$found" -lt "$volume_after"
    check "$1: of the files that come and go, some are there and can be read" test "$(cat /tank/files/* | wc -c)" -gt 0
    check_equal "$1: the snapshot is there" "$old" "$(cat /tank/.zfs/snapshot/old/counter)"
}

silent() { ! grep -F "$1" said; }
errors() { zpool status tank | sed -n 's/^errors: //p'; }

# try_shape NAME COUNT "OPERANDS" ARGUMENT...: makes the pool with these arguments of zpool create,
# exports it by kexport with these operands while it is written to, into so many images in $images,
# and imports those in place of the disks. If they exist, prepare_NAME is called for the new pool,
# exported_NAME for the images, imported_NAME for the copy.
try_shape() {
    local name=$1 count=$2 operands=$3 image
    shift 3
    zpool create -f -o cachefile=none -O compression=off -m /tank tank "$@"
    zfs create tank/files
    make_zvol tank/volume 16M
    hook "prepare_$name"
    leave_secret tank /tank 48
    start_writers
    wait_until 60 test -s /tank/counter
    zfs snapshot tank@old
    old=$(cat /tank/.zfs/snapshot/old/counter)
    sleep 3
    before=$(last_number) volume_before=$(last_of_volume)
    # shellcheck disable=SC2086 # several operands
    check "$name: it is exported while it is written to" \
        kexport $operands --output-dir "$images" --name "$name" --quiet
    tee said < "$work/.output"
    after=$(last_number) volume_after=$(last_of_volume)
    check "$name: nothing was copied for want of knowing what is free" silent 'its free space is copied'
    check_equal "$name: no checkpoint is left" - "$(zpool get -Hp -o value checkpoint tank)"
    check_equal "$name: no property is left" '' "$(zfs get -H -o value -s local kexport:checkpoint tank)"
    stop_writers
    wait_until 60 zpool export tank # a killed writer of the volume may still wait for its fsync
    found=("$images/$name"*.raw)
    check_equal "$name: each disk has an image" "$count" "${#found[@]}"
    for image in "${found[@]}"; do
        check_fails 1 "$name: what was deleted is not in ${image##*/}, of $(size_on_disk "$image") MiB" holds_secret "$image"
    done
    hook "exported_$name"
    hide_disks
    attach_images -r
    check "$name: it is imported read-only" zpool import -f -o readonly=on -d devices tank
    check_numbers "$name, read-only"
    check_equal "$name: nothing is wrong with it" 'No known data errors' "$(errors)"
    zpool export tank
    detach_images
    attach_images
    check "$name: zdb finds no leak" zdb -e -p devices -bcc tank
    grep -E 'leaked|No leaks' "$work/.output" || true
    check "$name: it is imported" zpool import -f -d devices tank
    check_numbers "$name"
    hook "imported_$name"
    zpool scrub -w tank
    check_match "$name: a scrub repairs nothing" 'repaired 0B in .* with 0 errors' "$(zpool status tank)"
    check_equal "$name: a scrub finds nothing" 'No known data errors' "$(errors)"
    zpool destroy tank
    detach_images
    rm -f "$images/$name"*
}

# try_kind NAME ARGUMENT...: the same with /dev/vdb1 to /dev/vdb5, of 160 MiB each; /dev/vdb is
# exported.
try_kind() {
    local name=$1
    shift
    # What no metaslab covers is copied, such as the spares of dRAID: not with the last pool.
    blkdiscard -f /dev/vdb
    sgdisk -o -n 1:1M:+160M -n 2:0:+160M -n 3:0:+160M -n 4:0:+160M -n 5:0:+160M /dev/vdb > /dev/null
    partprobe /dev/vdb
    udevadm settle
    try_shape "$name" 1 'raw /dev/vdb --checkpoint' "$@"
}

hook() { if declare -F "$1" > /dev/null; then "$1"; fi; }

# hide_disks: ZFS would find the pool on the disks themselves first, by their paths.
hide_disks() {
    local device
    for device in /dev/vd[b-z][0-9]*; do
        if [ -b "$device" ]; then zpool labelclear -f "$device" > /dev/null 2>&1 || true; fi
    done
}

# attach_images [OPTION]: the partitions of the images in `found`, as links in the folder `devices`.
attach_images() {
    local image loop part
    rm -rf devices
    mkdir devices
    loops=()
    for image in "${found[@]}"; do
        loop=$(losetup "$@" -fP --show "$image")
        loops+=("$loop")
        udevadm settle
        for part in "$loop"p*; do ln -s "$part" devices/; done
    done
}

detach_images() {
    local loop
    for loop in "${loops[@]}"; do losetup -d "$loop"; done
}
